# Who may call what. Without a rule, tools that only read are open and all others are
# closed: unmatched is "careful". access_tests/ shows each rule at work.

access {
  redact = ["thought"] # what a model thought is kept as a salted hash only

  # Writing waits for a person, each time: plimsoll approve.
  rule "writing is asked" {
    tools  = ["files_write_file", "files_edit_file", "files_create_directory"]
    effect = "ask"
    valid  = "30m"
  }

  # Moving a file has no undo, so it is bound to a role. For everybody else the tool
  # does not exist.
  rule "editors move files" {
    tools  = ["files_move_file"]
    roles  = ["editor"]
    effect = "allow"
  }

  rule "remembering is asked" {
    tools  = ["memory_create_*", "memory_add_*"]
    effect = "ask"
  }

  # An editor may make the desk forget, after a person has seen what.
  rule "forgetting is asked of editors" {
    tools  = ["memory_delete_*"]
    roles  = ["editor"]
    effect = "ask"
    valid  = "10m"
  }

  # It says that it only reads, and it does: it reads the environment out to whoever
  # asks. Ours is empty; somebody's will not be.
  rule "nobody reads the environment" {
    tools  = ["everything_get-env"]
    effect = "deny"
  }

  rule "long operations are short" {
    tools  = ["everything_trigger-long-running-operation"]
    when   = "(args?.duration ?? 10) > 30"
    effect = "deny"
    reason = "at most 30 seconds; ask for less"
  }

  limit "thoughts" {
    tools  = ["thinking_*"]
    per    = "principal"
    calls  = 60
    within = "1m"
  }
}
