// Package lever finds savings beside the model: outputs whose form code could
// own (format-determinism), tools and skills that nobody uses (tool-prune), and
// prompts whose beginnings change for no reason (prefix-stabilise).
//
// It looks at what it is handed and proposes; it proves nothing and changes
// nothing. It opens no file, knows no store and reads no clock: core/engine feeds
// it and writes what a person asks for. What it says of tune items is a hint, for
// a lever has looked at them; the next night measures a change as a new epoch.
//
//	found := lever.Codify(shape, cases)               // by gate: what a fix would have rescued and harmed
//	prefix := lever.Stabilise(prompts, lever.Window{}) // where prompts begin to differ, and what that costs
//	use, err := lever.ReadTranscript(f, use)           // what agents really called
//	for _, r := range found { fmt.Println(r.Claim()) }
package lever

// The levers that this package knows, by their names in reports and messages.
const (
	FormatDeterminism = "format-determinism"
	ToolPrune         = "tool-prune"
	PrefixStabilise   = "prefix-stabilise"
)

// bytesPerToken is the estimate where no backend counts: vendors state about four
// characters of English to a token. JSON and code take more tokens than that, so
// what is estimated is rather too little than too much.
const bytesPerToken = 4

// Estimate is how many tokens a text of so many bytes takes, by the rule of four
// bytes to a token, rounded up.
func Estimate(bytes int) int64 { return (int64(bytes) + bytesPerToken - 1) / bytesPerToken }

const million = 1_000_000

// share is a/b in millionths, 0 without any b.
func share(a, b int64) int64 {
	if b <= 0 {
		return 0
	}
	return a * million / b
}
