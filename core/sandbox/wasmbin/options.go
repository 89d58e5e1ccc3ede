package wasmbin

// Options bound what is admitted. A field that is zero takes its default.
//
// The caps refuse early, and by name, what would take long to compile or much
// memory to hold; the sandbox compiles in a process that it can kill besides.
// They are far above what compilers write: a guest in Go (examples/hello-skill)
// has 2,510 functions, 44,000 data segments, bodies of up to 51 KB, 21 locals and
// 550 nested blocks; an interpreter of JavaScript in C has 1,698 functions,
// bodies of up to 37 KB, 57 locals and 260 nested blocks (2026-11).
type Options struct {
	// StackBytes is the native stack that a call may take, as frames are
	// estimated: 8 MiB. Real frames are a fifth of the estimate in ordinary code
	// and 1.4 times the estimate in code that was made to deceive it. The engine
	// doubles its stack when it is full, so this bounds it to about 22 MiB.
	StackBytes int
	// MaxTable is the entries of all tables together: 131,072, a MiB. What the
	// tables do not begin with is shared out among them as their maximum: an
	// instance holds tables outside of the memory that its limit is about.
	MaxTable uint32

	MaxModule     int // bytes: 64 MiB
	MaxTypes      int // 20,000
	MaxImports    int // 1,000
	MaxExports    int // 10,000
	MaxFunctions  int // 50,000
	MaxGlobals    int // 10,000
	MaxElements   int // element segments: 10,000
	MaxEntries    int // of all element segments together, which every instance holds at 8 bytes each: 262,144
	MaxSegments   int // data segments, before neighbours are joined: 1,000,000
	MaxBody       int // bytes of one function: 1 MiB, which takes 2 s to compile
	MaxLocals     int // of one function, with parameters: 10,000
	MaxNesting    int // blocks in one function: 4,000
	MaxLoops      int // loops in one another in one function: 100
	MaxTargets    int // of one br_table: 20,000
	MaxParameters int // of one signature, and as many results: 1,000

	// MaxLoopLocals is the nesting of loops times the locals of a function. What
	// a compiler does for them grows with its square: 10,000 took 0.4 s, 50,000
	// took 10 s and 100,000 took 50 s (2026-11). The default is 20,000.
	MaxLoopLocals int
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
	set(&o.MaxEntries, 1<<18)
	set(&o.MaxSegments, 1_000_000)
	set(&o.MaxBody, 1<<20)
	set(&o.MaxLocals, 10_000)
	set(&o.MaxNesting, 4_000)
	set(&o.MaxLoops, 100)
	set(&o.MaxTargets, 20_000)
	set(&o.MaxParameters, 1_000)
	set(&o.MaxLoopLocals, 20_000)
	return o
}
