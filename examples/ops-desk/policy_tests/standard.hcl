# What the desk's policy must do, whatever tonight's evidence says. Run them with
# plimsoll policy test. What a test does not mention is sound: proved, cheap to
# run, nothing slow, every gate passed.

test "what is proved moves down, and rests there" {
  policy = tier_policy.standard
  now    = "2026-07-02T02:00:00Z"

  expect {
    decision       = "downgrade"
    tier           = ladder.desk.medium
    cooldown_until = "2026-07-09T02:00:00Z"
  }
}

test "copy that reaches a customer stays, however good the evidence" {
  policy = tier_policy.standard
  now    = "2026-07-02T02:00:00Z"
  tags   = ["writing", "customer-facing"]

  expect {
    decision = "hold"
    because  = "customer-facing"
    reason   = "until a person has read a week of it"
    check    = "evidence.proved && len(record.causes) == 1"
  }
}

test "one dimension of reasoning that got worse is enough to stay" {
  policy = tier_policy.standard
  now    = "2026-07-02T02:00:00Z"

  dimension "meaning" {
    loss = 0.2
  }
  expect {
    decision = "hold"
    because  = ["dimension", "downgrade_when"]
  }
}

test "twenty good items are no proof" {
  policy = tier_policy.standard
  now    = "2026-07-02T02:00:00Z"

  pairs {
    ties = 20
  }
  expect {
    decision = "hold"
    because  = "floor" # the pool is known to its end, and still too small to move on
  }
}

test "release notes are pinned by the project" {
  skill = "release-notes"
  now   = "2026-07-02T02:00:00Z"

  expect {
    decision = "hold"
    because  = "pin"
    tier     = ladder.desk.large
  }
}

test "after an escalation a step starts over" {
  policy = tier_policy.standard

  at "2026-07-02T02:00:00Z" {
    expect {
      decision = "downgrade"
      epoch    = 1
    }
  }
  # By day the gates fail again and again.
  at "2026-07-04T15:20:00Z" {
    escalate = "gates failed 6 times in a row"
  }
  at "2026-07-05T02:00:00Z" {
    expect {
      decision = "hold"
      because  = "cooldown"
      tier     = ladder.desk.large
    }
  }
  # The week is over, and what was measured before does not count any more.
  at "2026-07-12T02:00:00Z" {
    evidence {
      n = 40
    }
    expect {
      decision = "inconclusive"
      because  = "open"
      epoch    = 2
      check    = "history.escalations == 1 && record.items_needed < 200"
    }
  }
  at "2026-07-13T02:00:00Z" {
    expect {
      decision = "downgrade"
      tier     = ladder.desk.medium
      epoch    = 2
    }
  }
}
