package config

// Labels of blocks in files of policy tests.
const (
	labelTest = "WHAT IT SHOWS"
	labelTime = "TIME"
)

// policyTestDoc describes the one block of a file of policy tests.
func policyTestDoc() *BlockDoc {
	doc := &BlockDoc{
		Type: "test", Labels: []string{labelTest},
		Doc: "A case that a policy is put to. What a test does not say is a sound, proved comparison: every item a tie, planted damage seen, every gate passed, nothing slow, both tiers priced, and the step on the highest tier of its ladder.",
		Attributes: []*AttributeDoc{
			{Name: "policy", Type: ToPolicy, Example: "tier_policy.standard", Doc: "The policy that is tested. `policy` or `skill` is needed."},
			{Name: "skill", Type: String, Example: `"humanizer"`, Doc: "A skill of the project: its policy, tags, class, gates, dimensions and pins are those of the files."},
			{Name: "step", Type: String, Default: "the skill's first", Example: `"customer-copy"`, Doc: "A step of the skill."},
			{Name: "now", Type: Time, Example: `"2026-07-02T02:00:00Z"`, Doc: "When the night is. Needed in a test without `at` blocks."},
			{Name: "tier", Type: ToTier, Default: "the highest of the ladder", Example: "ladder.claude.opus", Doc: "Where the step stands before the first night. The policy file is not read: it changes every night."},
			{Name: "pinned", Type: Bool, Default: "false", Doc: "A pin in the policy file holds the step. Pins of the project hold it in any case."},
			{Name: "cooldown_until", Type: Time, Default: "no cooldown", Example: `"2026-07-08T02:00:00Z"`, Doc: "The cooldown that the policy file has for the step."},
			{Name: "tags", Type: Strings, Default: "the skill's", Example: `["customer-facing"]`, Doc: "The skill's tags."},
			{Name: "class", Type: String, Default: "the skill's", Example: `"internal"`, Doc: "The class of the skill's data."},
			{Name: "source", Type: String, Allowed: []string{"authored", "imported", "traffic"}, Default: "the skill's, else `authored`", Example: `"traffic"`, Doc: "Where its items come from, which chooses the method of a policy that names none."},
		},
		Blocks: append(givenDocs(), expectDoc(), atDoc()),
		Example: `test "a customer-facing skill stays" {
  policy = tier_policy.standard
  now    = "2026-07-02T02:00:00Z"
  tags   = ["customer-facing"]

  expect {
    decision = "hold"
    because  = "customer-facing"
  }
}`,
	}
	return doc
}

// atDoc is a moment of a test that lasts.
func atDoc() *BlockDoc {
	return &BlockDoc{
		Type: "at", Labels: []string{labelTime},
		Doc: "A moment of a test that lasts. First happens what its attributes say; then, when it has an `expect`, a night. What the test says of evidence, cost and the rest holds here too, unless this block says otherwise.",
		Attributes: []*AttributeDoc{
			{Name: "escalate", Type: String, Example: `"gates failed 6 times in a row"`, Doc: "The step moves up by one tier, at once, for this reason."},
			{Name: "pinned", Type: Bool, Example: "true", Doc: "A person pins the step in the policy file, or lifts the pin and with it the hold after a move that was taken back."},
			{Name: "tier", Type: ToTier, Example: "ladder.claude.opus", Doc: "A person puts the step on this tier in the policy file."},
			{Name: "edited", Type: Bool, Default: "false", Doc: "Something that makes an epoch was changed, such as the prompt or the items: the next night opens a new one."},
		},
		Blocks: append(givenDocs(), expectDoc()),
		Example: `at "2026-07-09T02:00:00Z" {
  escalate = "gates failed 6 times in a row"

  expect {
    decision = "hold"
    because  = "cooldown"
  }
}`,
	}
}

func expectDoc() *BlockDoc {
	return &BlockDoc{
		Type: "expect", Single: true,
		Doc: "What must come of the night.",
		Attributes: []*AttributeDoc{
			{Name: "decision", Type: String, Allowed: []string{"downgrade", "hold", "inconclusive"}, Example: `"hold"`, Doc: "What is decided."},
			{Name: "because", Type: OneOrMore, Example: `"customer-facing"`, Doc: "What stands against a downgrade, among others perhaps: the name of a `hold` of the policy, `downgrade_when`, or a reason of the engine's own (docs/policies.md lists them)."},
			{Name: "reason", Type: String, Example: `"copy that reaches a customer"`, Doc: "Text that occurs in the reason."},
			{Name: "tier", Type: ToTier, Example: "ladder.claude.haiku", Doc: "Where the step stands after the night."},
			{Name: "epoch", Type: Integer, Range: "[1,)", Example: "2", Doc: "How many epochs the skill has opened by then."},
			{Name: "cooldown_until", Type: Time, Example: `"2026-07-09T02:00:00Z"`, Doc: "The step's cooldown after the night."},
			{Name: "check", Type: Rules, Example: `"record.items_needed < 100"`, Doc: "A rule, or a list of rules, that must be true. It sees what the policy's rules see, and `record`, the verdict; `--explain` prints all of it."},
		},
		Example: "expect {\n  decision = \"hold\"\n  because  = \"customer-facing\"\n}",
	}
}

// givenDocs are the blocks that say what was measured.
func givenDocs() []*BlockDoc {
	return []*BlockDoc{
		{
			Type: "evidence", Single: true,
			Doc: "What the test says about the candidate. Numbers that are not given follow from those that are, by the test itself.",
			Attributes: []*AttributeDoc{
				{Name: "proved", Type: Bool, Default: "true", Doc: "Not worse by the margin, proved. False alone is a test half way to its proof."},
				{Name: "disproved", Type: Bool, Default: "false", Doc: "Worse by the margin, proved."},
				{Name: "n", Type: Integer, Range: "[0,1000000]", Default: "as many as a proof takes", Example: "40", Doc: "Items that were measured. Fewer than a proof takes leave the test open."},
				{Name: "e", Type: Number, Range: "[0,1000000000]", Default: "that of the items", Example: "12.5", Doc: "The e-value of not worse."},
				{Name: "e_worse", Type: Number, Range: "[0,1000000000]", Default: "that of the items", Example: "0.4", Doc: "The e-value of worse."},
				{Name: "needed", Type: Integer, Range: "[0,1000000]", Default: "that of the items", Example: "60", Doc: "Items that are expected still to be needed."},
				{Name: "epoch", Type: Integer, Range: "[1,100000]", Default: "1", Doc: "The epoch of the first night, counted over all of the skill."},
				{Name: "content", Type: String, Allowed: []string{"reference", "dimension", "gates", "none"}, Default: `"reference"`, Doc: "What measures the content of outputs."},
				{Name: "judged", Type: Bool, Default: "false", Doc: "A judge scores it whose labels allow no proof: it may only hold."},
				{Name: "planted", Type: Bool, Default: "true", Doc: "Damage done on purpose was seen."},
				{Name: "recent", Type: Bool, Default: "true", Doc: "The latest items do not lean to worse."},
			},
			Example: "evidence {\n  n = 40\n}",
		},
		{
			Type: "gap", Single: true,
			Doc: "Candidate minus current, as a part of the score.",
			Attributes: []*AttributeDoc{
				{Name: "mean", Type: Number, Range: "[-1,1]", Default: "that of the items", Example: "-0.01", Doc: "The mean gap; positive when the candidate is better."},
				{Name: "bound", Type: Number, Range: "[-1,1]", Default: "that of the items", Example: "0.04", Doc: "The largest loss that is not excluded."},
			},
			Example: "gap {\n  mean = -0.01\n}",
		},
		{
			Type: "pairs", Single: true,
			Doc: "Made-up items in place of `evidence` and `gap`: their losses and wins are spread evenly, and the test is run over them.",
			Attributes: []*AttributeDoc{
				{Name: "ties", Type: Integer, Range: "[0,100000]", Default: "0", Example: "120", Doc: "Items on which both arms score 1."},
				{Name: "wins", Type: Integer, Range: "[0,100000]", Default: "0", Example: "2", Doc: "Items on which only the candidate scores."},
				{Name: "losses", Type: Integer, Range: "[0,100000]", Default: "0", Example: "6", Doc: "Items on which only the current tier scores."},
				{Name: "missing", Type: Integer, Range: "[0,100000]", Default: "0", Example: "3", Doc: "Items on which the candidate has no score."},
			},
			Example: "pairs {\n  ties   = 120\n  losses = 6\n}",
		},
		{
			Type: "scores", Single: true,
			Doc: "Real items in place of `evidence` and `gap`: a table of scores as `plimsoll verdict` reads it, through this policy.",
			Attributes: []*AttributeDoc{
				{Name: "file", Type: String, Required: true, Example: `"scores.csv"`, Doc: "The file, beside the file of tests."},
				{Name: "current", Type: String, Required: true, Example: `"opus"`, Doc: "Column of the model in use."},
				{Name: "candidate", Type: String, Required: true, Example: `"haiku"`, Doc: "Column of the cheaper model."},
				{Name: "skill", Type: String, Default: "the only one", Example: `"humanizer"`, Doc: "Which skill of the table."},
				{Name: "seed", Type: String, Default: "none", Example: `"1"`, Doc: "Seed of the order in which rows are taken."},
			},
			Example: "scores {\n  file      = \"scores.csv\"\n  current   = \"opus\"\n  candidate = \"haiku\"\n}",
		},
		{
			Type: "recorded", Single: true,
			Doc: "Real items in place of `evidence` and `gap`: those of the skill's evidence file, with the margin, level and method of this policy. It says what this policy would decide about them; it is no evidence.",
			Attributes: []*AttributeDoc{
				{Name: "skill", Type: String, Default: "the test's", Example: `"humanizer"`, Doc: "Whose evidence."},
				{Name: "epoch", Type: String, Default: "the newest of the step", Example: `"3-0f2a41bc"`, Doc: "The epoch, as `plimsoll explain` names it."},
			},
			Example: "recorded {\n  skill = \"humanizer\"\n}",
		},
		{
			Type: "gate", Labels: []string{labelName},
			Doc: "A gate that did not pass everywhere. Those of the skill that are not named passed.",
			Attributes: []*AttributeDoc{
				{Name: "failures", Type: Integer, Range: "[0,100000]", Default: "0", Example: "4", Doc: "Items on which the candidate failed it."},
				{Name: "worse", Type: Bool, Default: "what the failures prove", Example: "true", Doc: "Proved to be passed less often than on the current tier."},
				{Name: "never", Type: Bool, Default: "the skill's, else false", Example: "true", Doc: "Zero tolerance."},
			},
			Example: "gate \"summary\" {\n  failures = 4\n}",
		},
		{
			Type: "dimension", Labels: []string{labelName},
			Doc: "A judged dimension. Those of the skill that are not named are equal on both tiers.",
			Attributes: []*AttributeDoc{
				{Name: "kind", Type: String, Allowed: []string{"reasoning", "format"}, Default: "the skill's, else `reasoning`", Example: `"format"`, Doc: "What a loss of it means."},
				{Name: "loss", Type: Number, Range: "[-1,1]", Default: "0", Example: "0.3", Doc: "How much lower the candidate scores on every item."},
				{Name: "worse", Type: Bool, Default: "what the loss proves", Example: "true", Doc: "Proved to be worse."},
			},
			Example: "dimension \"coverage\" {\n  loss = 0.3\n}",
		},
		{
			Type: "cost", Single: true,
			Doc: "What runs cost, in USD.",
			Attributes: []*AttributeDoc{
				{Name: "current", Type: Money, Range: "[0,)", Default: "0.02", Doc: "A run on the current tier."},
				{Name: "candidate", Type: Money, Range: "[0,)", Default: "0.004", Doc: "A run on the candidate."},
				{Name: "runs_per_month", Type: Integer, Range: "[0,)", Default: "1000", Doc: "Runs a month; rules see what they make: `cost.saving_month`."},
				{Name: "spent", Type: Money, Range: "[0,)", Default: "0", Example: "1.5", Doc: "What the measuring has cost."},
				{Name: "known", Type: Bool, Default: "true", Doc: "Both tiers have a price."},
			},
			Example: "cost {\n  runs_per_month = 40\n}",
		},
		{
			Type: "latency", Single: true,
			Doc: "How long the candidate takes.",
			Attributes: []*AttributeDoc{
				{Name: "ratio", Type: Number, Range: "(0,1000]", Default: "1", Example: "1.8", Doc: "p95 of the candidate over p95 of the current tier, which is ten seconds."},
				{Name: "timeouts", Type: Integer, Range: "[0,100000]", Default: "0", Example: "3", Doc: "Items on which the candidate ran out of time; rules see their share."},
				{Name: "known", Type: Bool, Default: "true", Doc: "Times were measured. When they were not, a rule that asks for the ratio cannot be evaluated."},
			},
			Example: "latency {\n  ratio = 1.8\n}",
		},
		{
			Type: "history", Single: true,
			Doc: "What happened to the step before the first night.",
			Attributes: []*AttributeDoc{
				{Name: "moves", Type: Integer, Range: "[0,1000]", Default: "0", Example: "1", Doc: "Moves down that the machine made."},
				{Name: "days_since_move", Type: Number, Range: "[0,36500]", Default: "365 when there were any", Example: "10", Doc: "Days since the last of them."},
				{Name: "escalations", Type: Integer, Range: "[0,1000]", Default: "0", Example: "1", Doc: "Moves up."},
				{Name: "days_since_escalation", Type: Number, Range: "[0,36500]", Default: "365 when there were any", Example: "10", Doc: "Days since the last of them."},
			},
			Example: "history {\n  escalations           = 1\n  days_since_escalation = 10\n}",
		},
	}
}
