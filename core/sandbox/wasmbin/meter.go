package wasmbin

// Names that the rewrite adds. The original may neither export names that begin
// with [Reserved] nor import from [RuntimeModule].
const (
	Reserved       = "__plim"
	FuelGlobal     = "__plim_fuel"  // i64, mutable: what is left of the slice
	DepthGlobal    = "__plim_depth" // i32, mutable: bytes of stack that are left; see Facts.Depth
	StartExport    = "__plim_start"
	GlobalPrefix   = "__plim_g" // and a number from 0: the mutable globals of the original
	RuntimeModule  = "plim_rt"
	YieldImport    = "yield"    // () -> (): called when fuel is below zero; must add fuel or end the guest
	OverflowImport = "overflow" // () -> (): called when the stack is used up; must not return
)

// Metered is a module that was rewritten.
type Metered struct {
	Code  []byte
	Facts Facts
}

// Facts are what is known of a module without running it.
type Facts struct {
	Functions    int // that the module defines
	Instructions int
	DataBytes    int
	Segments     int // data segments, after neighbours were joined
	LargestBody  int // bytes
	MostLocals   int // with parameters
	Nesting      int // deepest nesting of blocks

	// Globals are the mutable globals to read from the image and to restore.
	Globals []Global
	// Start is the export name of the former start function, "" when there was
	// none. The host calls it once after instantiation, under fuel and deadline.
	Start string
	// Depth is what the host sets DepthGlobal to before every call into the
	// module, whatever the call before it left there.
	Depth int32

	// Restorable tells whether memory and Globals are all of the state that a
	// call can change. Why is a phrase when they are not.
	Restorable bool
	Why        string

	MemoryMin, MemoryMax uint32 // pages of 64 KiB; MemoryMax is 0 when none is declared
	Imports, Exports     []Extern
}

// Global is a mutable global of the original, exported for restore.
type Global struct {
	Export string
	Type   ValueType // I32, I64, F32 or F64
}

// Extern is an import or export of the original.
type Extern struct {
	Module string // "" for exports
	Name   string
	Kind   ExternKind
	Func   FuncType // of functions
}

// Meter rewrites a module. The error is an *Error: a module that cannot be
// metered is refused with the reason and never returned as it was.
func Meter(module []byte, o Options) (*Metered, error) {
	o = o.withDefaults()
	m, err := decode(module, o)
	if err != nil {
		return nil, err
	}
	out, err := rewrite(m, o)
	if err != nil {
		return nil, err
	}
	return out, nil
}
