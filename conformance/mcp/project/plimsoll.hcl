# The project that the official MCP conformance suite is run against: one skill
# for our own surface, and the suite's test server behind two connectors, once
# for each revision. The test server says nothing of what its tools do, so a rule
# lets them through; ports come from the runner.
variable "listen" {
  type = string
}

variable "modern" {
  type = string
}

variable "classic" {
  type = string
}

backend "lab" {
  plugin = "sim"
  config {
    seed   = 1
    models = { "sim-small" = { ability = 0.99, format = 0.9 } }
  }
}

ladder "lab" {
  tier "small" {
    backend = backend.lab
    model   = "sim-small"
    family  = "sim"
    price   = { input = 0.25, output = 1.25 } # invented
  }
}

tier_policy "only" {
  ladder    = ladder.lab
  margin    = 0.10
  max_items = 20
  budget    = 1
}

skills "mine" {
  from   = "skills/*"
  policy = tier_policy.only
}

connector "modern" {
  url       = var.modern
  plaintext = true
  private   = ["127.0.0.0/8"]
  revision  = "2026-07-28"
}

connector "classic" {
  url       = var.classic
  plaintext = true
  private   = ["127.0.0.0/8"]
  revision  = "2025-11-25"
}

access {
  rule "the suite may call everything" {
    connectors = ["modern", "classic"]
    effect     = "allow"
  }
}

serve {
  mcp {
    listen = var.listen
    whole  = [connector.modern, connector.classic]
  }
}
