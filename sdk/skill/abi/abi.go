// Package abi is what host and guest of a skill's code agree on: the numbers of
// the ops, the words of the errors, the payloads, the manifest. It is the Go
// form of the specification in sdk/ABI.md, version plim1.
//
// It holds data and reads bytes; it must not run guests, open files or import
// anything but the standard library and this SDK, because it is compiled into
// every guest.
//
//	in, err := json.Marshal(abi.CheckInput{Gate: "known_ids", Input: input, Output: output})
//	raw, err := guest.Call(ctx, abi.OpCheck, in)
//	if err == nil {
//		out, err := abi.ReadCheck(raw)
//		fmt.Println(out.Passed, out.Reason, err)
//	}
package abi

import "strconv"

// Version is the number of this ABI. A guest carries it in the name of an
// export that is never called (Marker), so that it can be read without running
// anything.
const Version = 1

// The names that a guest exports and imports.
const (
	Memory       = "memory"
	Marker       = "plim_abi_1"
	MarkerPrefix = "plim_abi_"
	Initialize   = "_initialize"
	Alloc        = "plim_alloc"
	Call         = "plim_call"
	HostModule   = "plim" // log, host, host_read
	Section      = "plim.manifest"
)

// Op is a call that the host makes into a guest. Numbers are assigned here and
// in sdk/ABI.md, and never used again for something else.
type Op int32

// The ops. Describe is answered by the SDK: the guest's manifest, for hosts
// that find no manifest section in the module.
const (
	OpDescribe Op = 0 // {} -> Manifest
	OpPrepare  Op = 1 // PrepareInput -> PrepareOutput
	OpFinish   Op = 2 // FinishInput -> FinishOutput
	OpCheck    Op = 3 // CheckInput -> CheckOutput
	OpRender   Op = 4 // RenderInput -> RenderOutput
	OpRun      Op = 5 // RunInput -> RunOutput: the skill drives its own flow through host calls
)

var opNames = [...]string{"describe", "prepare", "finish", "check", "render", "run"}

// String is the op's name as it stands in manifests and messages.
func (o Op) String() string {
	if o >= 0 && int(o) < len(opNames) {
		return opNames[o]
	}
	return "op " + strconv.Itoa(int(o))
}

// ParseOp finds an op by its name. Describe is no op that a manifest may list.
func ParseOp(name string) (Op, bool) {
	for n := int(OpPrepare); n < len(opNames); n++ {
		if opNames[n] == name {
			return Op(n), true
		}
	}
	return 0, false
}

// HostOp is a call that a guest makes into the host. List answers with the
// numbers that this host offers; every other one is a capability.
type HostOp int32

// The host ops.
const (
	HostList     HostOp = 0 // {} -> ListOutput
	HostGenerate HostOp = 1 // model.generate: GenerateInput -> GenerateOutput
	HostGet      HostOp = 2 // kv.get: GetInput -> GetOutput
	HostPut      HostOp = 3 // kv.put: PutInput -> {}
	HostTool     HostOp = 4 // tool.call: ToolInput -> ToolOutput
)

var hostNames = [...]string{"list", "model.generate", "kv.get", "kv.put", "tool.call"}

// String is the name of the capability.
func (o HostOp) String() string {
	if o >= 0 && int(o) < len(hostNames) {
		return hostNames[o]
	}
	return "host op " + strconv.Itoa(int(o))
}

// MaxLen is the longest payload in bytes that a result can carry: its length
// has 31 bits.
const MaxLen = 1<<31 - 1

// Pack makes the result of plim_call: ptr<<32 | err<<31 | len. The answer 0 is
// a protocol error, so a guest never returns ptr 0.
func Pack(ptr, n uint32, failed bool) int64 {
	v := uint64(ptr)<<32 | uint64(n&MaxLen)
	if failed {
		v |= 1 << 31
	}
	return int64(v)
}

// Unpack reads the result of plim_call.
func Unpack(v int64) (ptr, n uint32, failed bool) {
	u := uint64(v)
	return uint32(u >> 32), uint32(u) & MaxLen, u&(1<<31) != 0
}
