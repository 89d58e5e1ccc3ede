# plimsoll access test: what access.hcl says, case by case. No server is started.

case "anybody reads files" {
  tool   = "files_read_text_file"
  args   = { path = "notes.md" }
  expect = "allow"

  annotations {
    read_only = true
  }
}

case "writing is asked, whatever the tool says of itself" {
  tool    = "files_write_file"
  args    = { path = "plan.md", content = "tidy up" }
  expect  = "ask"
  rule    = "writing is asked"
  visible = true

  annotations {
    read_only = true
  }
}

case "an editor is asked, too" {
  principal = "editor"
  tool      = "files_edit_file"
  args      = { path = "plan.md", edits = [] }
  expect    = "ask"
}

case "moving does not exist for most" {
  tool    = "files_move_file"
  args    = { source = "a", destination = "b" }
  expect  = "deny"
  visible = false

  annotations {
    read_only   = false
    destructive = true
  }
}

case "an editor moves files" {
  principal = "editor"
  tool      = "files_move_file"
  args      = { source = "a", destination = "b" }
  expect    = "allow"
  rule      = "editors move files"
}

case "what nobody approved stays shut for an editor, too" {
  principal = "editor"
  tool      = "files_move_file"
  pinned    = false
  expect    = "deny"
  visible   = false
}

case "remembering is asked" {
  tool   = "memory_create_entities"
  args   = { entities = [] }
  expect = "ask"
  rule   = "remembering is asked"
}

case "forgetting does not exist for most" {
  tool    = "memory_delete_entities"
  args    = { entityNames = ["Mira"] }
  expect  = "deny"
  visible = false

  annotations {
    read_only   = false
    destructive = true
  }
}

case "forgetting is asked of editors" {
  principal = "editor"
  tool      = "memory_delete_entities"
  args      = { entityNames = ["Mira"] }
  expect    = "ask"
  rule      = "forgetting is asked of editors"
}

case "the environment is nobody's" {
  principal = "editor"
  tool      = "everything_get-env"
  expect    = "deny"
  rule      = "nobody reads the environment"
  visible   = false

  annotations {
    read_only = true
  }
}

case "a short operation" {
  tool   = "everything_trigger-long-running-operation"
  args   = { duration = 30, steps = 3 }
  expect = "allow"

  annotations {
    read_only = true
  }
}

case "an operation without a duration takes ten seconds" {
  tool   = "everything_trigger-long-running-operation"
  args   = {}
  expect = "allow"

  annotations {
    read_only = true
  }
}

case "a long operation, which shows and yet is refused" {
  tool    = "everything_trigger-long-running-operation"
  args    = { duration = 31 }
  expect  = "deny"
  rule    = "long operations are short"
  reason  = "at most 30 seconds"
  visible = true

  annotations {
    read_only = true
  }
}

case "a duration that is no number" {
  tool   = "everything_trigger-long-running-operation"
  args   = { duration = "31" }
  expect = "deny"

  annotations {
    read_only = true
  }
}

case "too many thoughts" {
  tool   = "thinking_sequentialthinking"
  args   = { thought = "...", thoughtNumber = 61 }
  spent  = ["thoughts"]
  expect = "deny"
  rule   = "thoughts"

  annotations {
    read_only = true
  }
}

case "skills are open to everybody" {
  skill  = "meeting-minutes"
  args   = { notes = "Nothing decided." }
  expect = "allow"
}
