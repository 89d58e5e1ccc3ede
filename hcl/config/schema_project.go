package config

import "slices"

// Schema is the description of the language.
func Schema() *SchemaDoc {
	return &SchemaDoc{
		Version: SchemaVersion,
		Project: slices.Concat([]*BlockDoc{
			backendDoc(), ladderDoc(), judgeDoc(), runnerDoc(), policyDoc(),
			skillsDoc(), skillDoc(), connectorDoc(), accessDoc(), principalDoc(), oauthDoc(),
			serveDoc(), searchDoc(), notifyDoc(), variableDoc(), localsDoc(),
		}, hardwareDocs(), servedDocs(), []*BlockDoc{topologyDoc(), decisionDoc()}),
		Skill:  contractDoc(),
		Tests:  []*BlockDoc{policyTestDoc()},
		Access: []*BlockDoc{accessTestDoc()},
	}
}

func backendDoc() *BlockDoc {
	return &BlockDoc{
		Type: "backend", Labels: []string{labelName},
		Doc: "A subprocess that talks to models or runs them.",
		Attributes: []*AttributeDoc{
			{Name: "plugin", Type: String, Required: true, Example: `"anthropic"`, Doc: "A bundled plugin (`openai`, `anthropic`, `replay`, `sim`) or one of the lock file."},
			{Name: "env", Type: Strings, Default: "[]", Example: `["ANTHROPIC_API_KEY"]`, Doc: "Names of the only environment variables that the subprocess sees."},
			{Name: "address", Type: String, Example: `"gpu1.example.com:9443"`, Doc: "Where the backend runs, when somebody else starts it: `HOST:PORT` or `unix:///PATH`. What answers there has to call itself as `plugin` says. Needs `tls`."},
			{Name: "plaintext", Type: Bool, Default: "false", Doc: "Speak to `address` without TLS, which an address of this machine allows."},
			{Name: "topology", Type: ToTopology, Example: "topology.dp2", Doc: "For a plugin that serves models, such as `vllm`: the endpoint is that of this topology, as `plimsoll topology up` started it, or the one of its `attach`."},
			{Name: "record", Type: String, Example: `"cassettes"`, Doc: "Directory to record calls into, for the replay plugin. Nothing is recorded without it."},
		},
		Blocks: []*BlockDoc{{
			Type: "config", Single: true, Free: true,
			Doc: "Attributes for the plugin, which checks them itself. Values are plain: numbers, strings, bools, lists and objects.",
		}, certificatesDoc()},
		Example: `backend "claude" {
  plugin = "anthropic"
  env    = ["ANTHROPIC_API_KEY"]
  config {
    base_url = "https://api.anthropic.com"
  }
}`,
	}
}

func ladderDoc() *BlockDoc {
	return &BlockDoc{
		Type: "ladder", Labels: []string{labelName},
		Doc: "Tiers in order, the cheapest first. The order of the blocks is the order of the ladder. In short, `backend` and `models` say the same for models at their list prices.",
		Attributes: []*AttributeDoc{
			{Name: "backend", Type: ToBackend, Example: "backend.claude", Doc: "Where `models` are."},
			{Name: "models", Type: Strings, Example: `["claude-haiku-4-5", "claude-opus-4-8"]`, Doc: "A tier for each model, the cheapest first, instead of `tier` blocks: named after the model (with `-` for what a name cannot have), its family what stands before the first `-`, its price the list's (a day at the end of the name is left out), and none where the list has none."},
		},
		Blocks: []*BlockDoc{{
			Type: "tier", Labels: []string{labelName},
			Doc: "One rung of the ladder. At least one, or `models`.",
			Attributes: []*AttributeDoc{
				{Name: "backend", Type: ToBackend, Required: true, Example: "backend.claude", Doc: "Where the model is."},
				{Name: "model", Type: String, Required: true, Example: `"claude-haiku-4-5"`, Doc: "The backend's name of the model."},
				{Name: "family", Type: String, Required: true, Example: `"claude"`, Doc: "Whose model it is. A judge must not be of the family that it judges."},
				{Name: "hardware", Type: String, Example: `"rack-1"`, Doc: "What the model shares with others that cannot be loaded beside it, by a name of yours. A night never calls two models with one name at the same time, and lets them take turns as rarely as it can."},
				{Name: "price", Type: Prices, Example: "{ input = 1, output = 5 }", Doc: "USD per million tokens: `input`, `output`, `cache_read`, `cache_write`, `cache_write_1h`, and `above = { tokens = 200000, ... }` with the rates of calls whose prompt is longer; or `gpu_hour`, USD per hour, for a model on own GPUs; or `list_price(\"NAME\")`, the dated list price of a model (`plimsoll prices show`). Exact to the micro-dollar. A tier without a price is unpriced, never free: savings against it are not claimed."},
			},
			Example: `tier "haiku" {
  backend = backend.claude
  model   = "claude-haiku-4-5"
  family  = "claude"
  price   = { input = 1, output = 5, cache_read = 0.1, cache_write = 1.25 }
}`,
		}},
	}
}

func policyDoc() *BlockDoc {
	return &BlockDoc{
		Type: "tier_policy", Labels: []string{labelName},
		Doc: "When a skill may move down a ladder. The built-in `preset.careful`, `preset.standard` and `preset.bold` have margin 0.02, 0.05, 0.10; max_items 600, 400, 200; cooldown 336h, 168h, 72h; and no ladder of their own.",
		Attributes: []*AttributeDoc{
			{Name: "ladder", Type: ToLadder, Required: true, Example: "ladder.claude", Doc: "The tiers that skills under this policy move on."},
			{Name: "margin", Type: Number, Range: "(0,1)", Default: "0.05", Doc: "The loss of quality that does not matter."},
			{Name: "alpha", Type: Number, Range: "(0,0.5]", Default: "0.05", Doc: "The chance of ever being wrong about a skill."},
			{Name: "max_items", Type: Integer, Range: "[1,1000000]", Default: "400", Doc: "Items after which a test is closed."},
			{Name: "budget", Type: Money, Range: "[0,)", Default: "no limit", Example: "5", Doc: "USD per night, everything included. 0 spends nothing."},
			{Name: "cooldown", Type: Duration, Default: `"168h"`, Doc: "How long a skill stays where it is after the machine moved it, down or back up."},
			{Name: "new", Type: ToTier, Example: "ladder.claude.haiku", Doc: "Where a skill without history starts. Adopted skills start where they are."},
			{Name: "method", Type: String, Allowed: []string{"star2", "pool2", "grid8", "star1", "pool1"}, Default: "by the source of the items", Doc: "The test. Items from traffic take `star2`, which claims future runs; authored and imported items take `pool2`, which claims their pool. `star1` and `pool1` are older and need more items; `grid8` is the reference."},
			{Name: "fleet", Type: Bool, Default: "false", Doc: "Bound the share of wrong moves over the whole policy too."},
			{Name: "gate_margin", Type: Number, Range: "(0,1)", Default: "0.02", Doc: "The loss of gate passes that does not matter."},
			{Name: "judge_margin", Type: Number, Range: "(0,1)", Default: "half of margin", Example: "0.03", Doc: "The part of the margin that judged dimensions have."},
			{Name: "shadow", Type: Number, Range: "[0,1]", Default: "computed from drift_within", Example: "0.1", Doc: "Share of runs that are tried on the former tier too after a move down, to notice drift. 0 watches nothing."},
			{Name: "drift_within", Type: Duration, Default: `"720h"`, Doc: "How soon after a move down a fall of 15 points is to be noticed. The share of shadowed runs follows from it and from the traffic."},
			{Name: "judge", Type: ToJudge, Example: "judge.house", Doc: "The judge of the skills under this policy."},
			{Name: "downgrade_when", Type: Rule, Default: `"true"`, Example: `"evidence.proved && len(dims.reasoning_gaps) == 0"`, Doc: "Must be true beside the engine's own conditions. Rules only narrow."},
		},
		Blocks: []*BlockDoc{
			{
				Type: "hold", Labels: []string{labelName},
				Doc: "A reason to stay. Any hold that matches wins.",
				Attributes: []*AttributeDoc{
					{Name: "when", Type: Rule, Required: true, Example: `"'customer-facing' in skill.tags"`, Doc: "The skill stays while this is true."},
					{Name: "reason", Type: String, Required: true, Example: `"copy that reaches a customer stays up"`, Doc: "What reports say."},
				},
			},
			{
				Type: "fuse", Single: true,
				Doc: "Move up at once after a run of failures.",
				Attributes: []*AttributeDoc{
					{Name: "consecutive_failures", Type: Integer, Range: "[1,)", Required: true, Example: "6", Doc: "Failures in a row. Without the block the number is computed from the failure rate and the traffic."},
				},
			},
		},
		Example: `tier_policy "standard" {
  ladder = ladder.claude
  budget = 5
  new    = ladder.claude.haiku

  hold "customer-facing" {
    when   = "'customer-facing' in skill.tags"
    reason = "copy that reaches a customer stays up"
  }
}`,
	}
}

// bindingDocs are the attributes that `skills` and `skill` share.
func bindingDocs() []*AttributeDoc {
	return []*AttributeDoc{
		{Name: "policy", Type: ToPolicy, Example: "preset.careful", Doc: "When the skill may move down."},
		{Name: "ladder", Type: ToLadder, Default: "the policy's", Example: "ladder.claude", Doc: "The tiers that it moves on. Needed beside a preset."},
		{Name: "runner", Type: ToRunner, Default: "the engine", Example: "runner.agent", Doc: "Who runs it."},
		{Name: "judge", Type: ToJudge, Default: "the policy's, else the only one", Example: "judge.house", Doc: "Who scores its dimensions."},
		{Name: "cache", Type: String, Allowed: []string{"auto", "off"}, Default: `"auto"`, Example: `"off"`, Doc: "Mark the end of a step's prompt for the prompt cache, where the tier states both cache prices and the prompt has about 1,024 tokens. `off` never does: writing to a cache costs more than it saves when runs are rare."},
		{Name: "tags", Type: Strings, Default: "[]", Example: `["writing"]`, Doc: "Words that rules and access can ask for."},
	}
}

func dataDoc() *BlockDoc {
	return &BlockDoc{
		Type: "data", Single: true,
		Doc: "Who may see the skill's inputs, judges and candidates included. Without it every backend may.",
		Attributes: []*AttributeDoc{
			{Name: "class", Type: String, Required: true, Example: `"internal"`, Doc: "Your name for this class of data."},
			{Name: "allow", Type: ToBackends, Required: true, Example: "[backend.claude]", Doc: "The backends that may see it."},
		},
	}
}

func skillsDoc() *BlockDoc {
	return &BlockDoc{
		Type: "skills", Labels: []string{labelName},
		Doc: "One binding for every skill folder that a pattern finds. A `skill` block overrides one of them.",
		Attributes: append([]*AttributeDoc{
			{Name: "from", Type: OneOrMore, Required: true, Example: `".claude/skills/*"`, Doc: "Patterns of folders, relative to the project."},
			{Name: "except", Type: Strings, Default: "none", Example: `[".claude/skills/old-*"]`, Doc: "Patterns of folders that are left out: two skills cannot have one name."},
		}, bindingDocs()...),
		Blocks: []*BlockDoc{dataDoc()},
		Example: `skills "team" {
  from   = ".claude/skills/*"
  policy = preset.careful
  ladder = ladder.claude
}`,
	}
}

func skillDoc() *BlockDoc {
	contract := contractDoc()
	doc := &BlockDoc{
		Type: "skill", Labels: []string{labelName},
		Doc: "A skill of its own when it has a `source`, else an overlay over one that a `skills` block found. It takes everything that skill.hcl takes, and lays it over what travels with the skill: a block of the same type and name replaces, others are added, attributes win.",
		Attributes: append([]*AttributeDoc{
			{Name: "source", Type: String, Example: `"./skills/humanizer"`, Doc: "The skill's folder, relative to the project."},
			{Name: "pin", Type: ToTier, Example: "ladder.claude.opus", Doc: "Stay on this tier until the line is removed."},
		}, bindingDocs()...),
		Blocks: []*BlockDoc{dataDoc(), grantDoc(), limitsDoc()},
		Example: `skill "humanizer" {
  source = "./skills/humanizer"
  policy = tier_policy.standard
  tags   = ["writing"]

  gate "house-style" {
    command = ["python3", "tweet_validate.py"]
  }
}`,
	}
	for _, a := range contract.Attributes {
		if doc.Attribute(a.Name) == nil {
			doc.Attributes = append(doc.Attributes, a)
		}
	}
	for _, b := range contract.Blocks {
		switch b.Type {
		case "step":
			b.Attributes = append(b.Attributes, &AttributeDoc{Name: "pin", Type: ToTier, Example: "ladder.claude.opus", Doc: "Keep this step on this tier. In a project only."})
		case "gate":
			b.Attributes = append(b.Attributes, commandDoc())
		case "each":
			gate := b.Block("gate")
			gate.Attributes = append(gate.Attributes, commandDoc())
		}
		doc.Blocks = append(doc.Blocks, b)
	}
	return doc
}

func commandDoc() *AttributeDoc {
	return &AttributeDoc{Name: "command", Type: Strings, Example: `["python3", "check.py"]`, Doc: "A program that says yes or no. Declared and audited, not sandboxed; in a project only."}
}

func variableDoc() *BlockDoc {
	return &BlockDoc{
		Type: "variable", Labels: []string{labelName},
		Doc: "A value from outside: `--var NAME=VALUE`, else the environment variable `PLIMSOLL_VAR_NAME`, else the default. Used as `var.NAME`.",
		Attributes: []*AttributeDoc{
			{Name: "type", Type: TypeName, Allowed: []string{"string", "number", "bool", "list(string)"}, Default: "the default's, else string", Doc: "What it must be. A list is given as `[\"a\", \"b\"]`."},
			{Name: "default", Type: Any, Default: "none: a value is needed", Example: `"http://127.0.0.1:8000/v1"`, Doc: "A literal value."},
			{Name: "description", Type: String, Example: `"where the local models are"`, Doc: "For people."},
		},
		Example: `variable "vllm_url" {
  default     = "http://127.0.0.1:8000/v1"
  description = "where the local models are"
}`,
	}
}

func localsDoc() *BlockDoc {
	return &BlockDoc{
		Type: "locals", Free: true,
		Doc:     "Named values, used as `local.NAME`. They may use variables and each other, in any order and not in a circle.",
		Example: "locals {\n  models = \"${var.root}/models\"\n}",
	}
}
