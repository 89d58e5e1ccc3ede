package plan

// These are the parts of Kubernetes objects that plans emit, in the order in which
// people write them. The schemas beside them say the same in another way, and a test
// holds one against the other. Importing the Kubernetes modules for them was refused:
// they weigh more than this whole program.

type object struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   meta   `yaml:"metadata"`
	Spec       any    `yaml:"spec"`
}

type meta struct {
	Name      string            `yaml:"name,omitempty"`
	Namespace string            `yaml:"namespace,omitempty"`
	Labels    map[string]string `yaml:"labels,omitempty"`
}

type deployment struct {
	Replicas                int      `yaml:"replicas"`
	ProgressDeadlineSeconds int      `yaml:"progressDeadlineSeconds,omitempty"`
	Strategy                strategy `yaml:"strategy"`
	Selector                selector `yaml:"selector"`
	Template                template `yaml:"template"`
}

type strategy struct {
	Type string `yaml:"type"`
}

type selector struct {
	MatchLabels map[string]string `yaml:"matchLabels"`
}

type template struct {
	Metadata meta `yaml:"metadata"`
	Spec     pod  `yaml:"spec"`
}

type pod struct {
	// EnableServiceLinks is false: a service called vllm would set VLLM_PORT to a URL,
	// which the engine takes for its own variable.
	EnableServiceLinks            *bool       `yaml:"enableServiceLinks,omitempty"`
	TerminationGracePeriodSeconds int         `yaml:"terminationGracePeriodSeconds,omitempty"`
	Containers                    []container `yaml:"containers"`
	Volumes                       []volume    `yaml:"volumes,omitempty"`
}

type container struct {
	Name           string     `yaml:"name"`
	Image          string     `yaml:"image,omitempty"`
	Command        []string   `yaml:"command,omitempty"`
	Args           []string   `yaml:"args,omitempty"`
	Env            []variable `yaml:"env,omitempty"`
	Ports          []opening  `yaml:"ports,omitempty"`
	Resources      *resources `yaml:"resources,omitempty"`
	StartupProbe   *probe     `yaml:"startupProbe,omitempty"`
	ReadinessProbe *probe     `yaml:"readinessProbe,omitempty"`
	LivenessProbe  *probe     `yaml:"livenessProbe,omitempty"`
	VolumeMounts   []mount    `yaml:"volumeMounts,omitempty"`
}

type variable struct {
	Name      string  `yaml:"name"`
	Value     *string `yaml:"value,omitempty"`
	ValueFrom *from   `yaml:"valueFrom,omitempty"`
}

type from struct {
	FieldRef field `yaml:"fieldRef"`
}

type field struct {
	FieldPath string `yaml:"fieldPath"`
}

type opening struct {
	Name          string `yaml:"name"`
	ContainerPort int    `yaml:"containerPort"`
}

type resources struct {
	Limits map[string]string `yaml:"limits"`
}

type probe struct {
	HTTPGet          *httpGet `yaml:"httpGet,omitempty"`
	PeriodSeconds    int      `yaml:"periodSeconds"`
	TimeoutSeconds   int      `yaml:"timeoutSeconds,omitempty"`
	FailureThreshold int      `yaml:"failureThreshold"`
}

type httpGet struct {
	Path string `yaml:"path"`
	Port string `yaml:"port"`
}

type mount struct {
	Name      string `yaml:"name"`
	MountPath string `yaml:"mountPath"`
	ReadOnly  bool   `yaml:"readOnly,omitempty"`
}

type volume struct {
	Name                  string    `yaml:"name"`
	EmptyDir              *emptyDir `yaml:"emptyDir,omitempty"`
	PersistentVolumeClaim *claim    `yaml:"persistentVolumeClaim,omitempty"`
}

type emptyDir struct {
	Medium    string `yaml:"medium"`
	SizeLimit string `yaml:"sizeLimit"`
}

type claim struct {
	ClaimName string `yaml:"claimName"`
	ReadOnly  bool   `yaml:"readOnly"`
}

type service struct {
	Selector map[string]string `yaml:"selector"`
	Ports    []servicePort     `yaml:"ports"`
}

type servicePort struct {
	Name       string `yaml:"name"`
	Port       int    `yaml:"port"`
	TargetPort string `yaml:"targetPort"`
}

type leaderWorkerSet struct {
	Replicas             int          `yaml:"replicas"`
	StartupPolicy        string       `yaml:"startupPolicy"`
	LeaderWorkerTemplate leaderWorker `yaml:"leaderWorkerTemplate"`
}

type leaderWorker struct {
	Size           int       `yaml:"size"`
	RestartPolicy  string    `yaml:"restartPolicy"`
	LeaderTemplate *template `yaml:"leaderTemplate,omitempty"`
	WorkerTemplate template  `yaml:"workerTemplate"`
}

type inferenceService struct {
	Model       served       `yaml:"model"`
	Replicas    int          `yaml:"replicas"`
	Parallelism parallelism  `yaml:"parallelism"`
	Labels      labels       `yaml:"labels,omitempty"`
	Template    pod          `yaml:"template"`
	Prefill     *workload    `yaml:"prefill,omitempty"`
	Router      serviceRoute `yaml:"router"`
}

type labels map[string]string

type served struct {
	URI  string `yaml:"uri"`
	Name string `yaml:"name"`
}

type parallelism struct {
	Tensor int  `yaml:"tensor"`
	Data   int  `yaml:"data,omitempty"`
	Expert bool `yaml:"expert,omitempty"`
}

type workload struct {
	Replicas    int         `yaml:"replicas"`
	Parallelism parallelism `yaml:"parallelism"`
	Labels      labels      `yaml:"labels,omitempty"`
	Template    pod         `yaml:"template"`
}

// serviceRoute asks KServe for what it makes by itself: empty objects.
type serviceRoute struct {
	Gateway   struct{} `yaml:"gateway"`
	Route     struct{} `yaml:"route"`
	Scheduler struct{} `yaml:"scheduler"`
}
