# Skills of the desk's own, so that find has both kinds to choose from. Their model is
# simulated: it answers from an item's reference, and nothing it says is about a real
# model.

backend "lab" {
  plugin = "sim"

  config {
    seed = 7
    models = {
      "sim-small" = { ability = 0.95 }
    }
  }
}

ladder "desk" {
  tier "small" {
    backend = backend.lab
    model   = "sim-small"
    family  = "sim-lab"
    price   = { input = 0.25, output = 1.25 } # invented
  }
}

skills "desk" {
  from   = "skills/*"
  policy = preset.careful
  ladder = ladder.desk
}
