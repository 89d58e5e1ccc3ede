package wasmbin

// Options bound what is admitted. A field that is zero takes its default.
type Options struct {
	StackBytes int // native stack that a call may take, as the depth counter counts it
	MaxTable   uint32

	MaxModule     int // bytes
	MaxTypes      int
	MaxImports    int
	MaxExports    int
	MaxFunctions  int
	MaxGlobals    int
	MaxElements   int // element segments
	MaxSegments   int // data segments
	MaxBody       int // bytes of one function
	MaxLocals     int // of one function, with parameters
	MaxNesting    int // of blocks in one function
	MaxLoops      int // nesting of loops in one function
	MaxTargets    int // of one br_table
	MaxParameters int // of one signature, and as many results
}

const maxTables = 100

func (o Options) withDefaults() Options {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&o.StackBytes, 8<<20)
	if o.MaxTable == 0 {
		o.MaxTable = 1 << 17
	}
	set(&o.MaxModule, 64<<20)
	set(&o.MaxTypes, 20_000)
	set(&o.MaxImports, 1_000)
	set(&o.MaxExports, 10_000)
	set(&o.MaxFunctions, 50_000)
	set(&o.MaxGlobals, 10_000)
	set(&o.MaxElements, 10_000)
	set(&o.MaxSegments, 1_000_000)
	set(&o.MaxBody, 4<<20)
	set(&o.MaxLocals, 10_000)
	set(&o.MaxNesting, 4_000)
	set(&o.MaxLoops, 100)
	set(&o.MaxTargets, 50_000)
	set(&o.MaxParameters, 1_000)
	return o
}
