# One policy for the whole desk. A skill that needs another one names it in
# skills.hcl; so far none does.

tier_policy "standard" {
  ladder    = ladder.desk
  margin    = 0.05 # five points of quality are the most we may lose
  alpha     = 0.05 # the chance of ever being wrong about a skill
  max_items = 400
  budget    = 5                  # USD a night, judges and repeats included
  cooldown  = "168h"             # a week up there after an escalation
  new       = ladder.desk.medium # where a skill without history starts

  downgrade_when = "evidence.proved && len(dims.reasoning_gaps) == 0"

  hold "customer-facing" {
    when   = "'customer-facing' in skill.tags"
    reason = "copy that reaches a customer stays up until a person has read a week of it"
  }
}
