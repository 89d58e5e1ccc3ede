# The desk's models. Every one of them is simulated: the backend "sim" answers
# from an item's reference, damaged as often as declared here, so the truth is
# known and a verdict can be checked against it. Nothing below says anything
# about a real model.

backend "lab" {
  plugin = "sim"

  config {
    seed        = 2026
    correlation = 0.6 # a hard item is hard for all three, mostly

    # ability: the chance that an answer's content is right. abilities: the same
    # for one skill ("NAME"), one dimension of it ("NAME/DIMENSION") or a kind.
    # format and formats: the chance that the shape is right at the first go.
    models = {
      "sim-small" = {
        ability    = 0.80
        format     = 0.55
        latency_ms = 1
        abilities = {
          "twitter-timeline"    = 0.62
          "sales-crm-brief"     = 0.58
          "humanizer/meaning"   = 0.05
          "humanizer/plainness" = 0.70
          "standup-digest"      = 0.98
          "ticket-router"       = 0.98
          "changelog-lint"      = 0.99
          "meeting-slots"       = 0.97
        }
        formats = {
          "humanizer"      = 0.45
          "standup-digest" = 0.97
          "ticket-router"  = 0.99
          "changelog-lint" = 0.99
          "meeting-slots"  = 0.96
        }
      }
      "sim-medium" = {
        ability    = 0.93
        format     = 0.75
        latency_ms = 1
        abilities = {
          "twitter-timeline"    = 0.985
          "sales-crm-brief"     = 0.985
          "humanizer/meaning"   = 0.97
          "humanizer/plainness" = 0.95
          "sod-ship"            = 0.84
          "eod-ship"            = 0.86
        }
        formats = {
          "twitter-timeline" = 0.66 # as good in content as sim-large, sloppy in shape
          "sales-crm-brief"  = 0.80
          "humanizer"        = 0.92
        }
      }
      "sim-large" = {
        ability    = 0.985
        format     = 0.96
        latency_ms = 1
        abilities = {
          "twitter-timeline" = 0.985
          "sales-crm-brief"  = 0.985
        }
      }
    }
  }
}

# The judge lives on a backend of its own and in another family than every tier
# that it may have to compare.
backend "bench" {
  plugin = "sim"

  config {
    seed           = 4077
    judge_noise    = 0.02
    judge_nonsense = 0.0
    models = {
      "sim-judge" = {
        ability    = 0.98
        format     = 0.99
        latency_ms = 1
      }
    }
  }
}

# Cheapest first. Prices are USD per million tokens, invented.
ladder "desk" {
  tier "small" {
    backend = backend.lab
    model   = "sim-small"
    family  = "sim-lab"
    price   = { input = 0.25, output = 1.25 }
  }
  tier "medium" {
    backend = backend.lab
    model   = "sim-medium"
    family  = "sim-lab"
    price   = { input = 1, output = 5 }
  }
  tier "large" {
    backend = backend.lab
    model   = "sim-large"
    family  = "sim-lab"
    price   = { input = 5, output = 25 }
  }
}

ladder "court" {
  tier "judge" {
    backend = backend.bench
    model   = "sim-judge"
    family  = "sim-bench"
    price   = { input = 0.5, output = 2 }
  }
}

judge "house" {
  tier = ladder.court.judge
}
