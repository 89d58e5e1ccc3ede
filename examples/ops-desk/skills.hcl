# Who governs which skill. What a skill promises (schemas, gates, dimensions,
# items) travels with it in skills/NAME/skill.hcl; what this desk decides about
# it stands here.

skills "desk" {
  from   = "skills/*"
  policy = tier_policy.standard
  judge  = judge.house
  tags   = ["ops"]

  data {
    class = "internal"
    allow = [backend.lab, backend.bench]
  }
}

# The brief may get cheaper; the note that goes to the customer may not.
skill "sales-crm-brief" {
  tags = ["sales"]

  step "customer-copy" {
    prompt = "customer-copy.md"
    output = "copy"
    pin    = ladder.desk.large
  }
}

skill "humanizer" {
  tags = ["writing"]
}

# Notes that customers read. Pinned by hand after the June mix-up, when a
# breaking change was filed under "small fixes".
skill "release-notes" {
  tags = ["writing", "customer-facing"]
  pin  = ladder.desk.large
}

skill "brand-voice" {
  tags = ["writing"]
}
