package config

// labelCase is the label of a case of access tests.
const labelCase = "WHAT IT SHOWS"

// accessTestDoc describes the one block of a file of access tests.
func accessTestDoc() *BlockDoc {
	return &BlockDoc{
		Type: "case", Labels: []string{labelCase},
		Doc: "One call that the rules of the access block are asked about. `tool` or `skill` is needed, and `expect` or `visible`.",
		Attributes: []*AttributeDoc{
			{Name: "principal", Type: String, Default: `"somebody"`, Example: `"ci"`, Doc: "Who calls. A principal of the project has the roles of its block, unless the case says otherwise."},
			{Name: "roles", Type: Strings, Default: "those of the principal block, else none", Example: `["engineer"]`, Doc: "The caller's roles."},
			{Name: "kind", Type: String, Allowed: []string{"local", "token", "oauth"}, Default: "`token` for a principal of the project, else `oauth`", Example: `"oauth"`, Doc: "How the caller proved who it is."},
			{Name: "tool", Type: String, Example: `"github_issues_create"`, Doc: "The tool that is called, by its prefixed name."},
			{Name: "connector", Type: String, Default: "the one whose prefix the tool's name has", Example: `"github"`, Doc: "The connector that offers the tool."},
			{Name: "skill", Type: String, Example: `"digest"`, Doc: "The skill that is run; beside `tool` the skill that calls the tool."},
			{Name: "args", Type: Any, Default: "none", Example: `{ repo = "acme/site" }`, Doc: "The arguments of the call, an object; for a skill its input."},
			{Name: "pinned", Type: Bool, Default: "true", Doc: "A person approved the tool's definition. Without it the tool is denied, whatever the rules say."},
			{Name: "at", Type: Time, Default: "noon of a Wednesday", Example: `"2026-11-20T12:00:00Z"`, Doc: "When the call is made."},
			{Name: "spent", Type: Strings, Default: "none", Example: `["hourly"]`, Doc: "Limits that are used up."},
			{Name: "expect", Type: String, Allowed: []string{"allow", "deny", "ask"}, Example: `"deny"`, Doc: "What must be decided."},
			{Name: "rule", Type: String, Example: `"deletes are asked"`, Doc: "The rule or limit that must decide it. Where several rules say the same, the first by name decides."},
			{Name: "reason", Type: String, Example: `"need a lead"`, Doc: "Text that occurs in the reason."},
			{Name: "visible", Type: Bool, Example: "false", Doc: "Whether the name must show in lists and searches, where the arguments are not known."},
		},
		Blocks: []*BlockDoc{
			{
				Type: "annotations", Single: true,
				Doc: "What the tool's approved definition says about it. What is not said is not known.",
				Attributes: []*AttributeDoc{
					{Name: "read_only", Type: Bool, Example: "true", Doc: "It changes nothing."},
					{Name: "destructive", Type: Bool, Example: "true", Doc: "It may destroy something."},
					{Name: "idempotent", Type: Bool, Example: "true", Doc: "Calling it twice does what calling it once does."},
					{Name: "open_world", Type: Bool, Example: "false", Doc: "It reaches beyond a closed set of things, such as the web."},
					{Name: "title", Type: String, Example: `"Delete a repository"`, Doc: "Its title."},
				},
				Example: "annotations {\n  read_only = true\n}",
			},
			{
				Type: "session", Single: true,
				Doc: "What happened before in the caller's session.",
				Attributes: []*AttributeDoc{
					{Name: "calls", Type: Integer, Range: "[0,1000000000]", Default: "0", Example: "12", Doc: "Calls that were let through."},
					{Name: "denied", Type: Integer, Range: "[0,1000000000]", Default: "0", Example: "2", Doc: "Calls that were refused."},
					{Name: "asked", Type: Integer, Range: "[0,1000000000]", Default: "0", Example: "1", Doc: "Calls that a person was asked about."},
					{Name: "tools", Type: Strings, Default: "none", Example: `["github_issues_list"]`, Doc: "Names that were called."},
					{Name: "age", Type: Duration, Default: `"0s"`, Example: `"10m"`, Doc: "Time since the first call."},
				},
				Example: "session {\n  calls = 12\n}",
			},
		},
		Example: `case "an intern cannot delete" {
  roles  = ["intern"]
  tool   = "github_repo_delete"
  expect = "deny"
}`,
	}
}
