// Package schema says whether Kubernetes manifests are well formed, without a
// cluster: against schemas of the few objects that plans emit, trimmed to the fields
// that they use, and against each other.
//
// It must not reach for anything: the schemas are embedded, with the source, version,
// digest and licence of each. It is stricter than a cluster: a field that no plan
// emits is refused, because it is a slip of the pen far more often than a wish.
//
//	if err := schema.Check(yaml); err != nil {
//		fmt.Println(err) // Deployment "dp2": /spec/replicas: got string, want integer
//	}
//	for _, s := range schema.Sources() { fmt.Println(s.Kind, s.Source, s.Version, s.Licence) }
package schema
