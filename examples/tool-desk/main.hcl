# The desk's tools: the MCP project's own reference servers, as package-lock.json
# pins them. npm ci installs them here; nothing of them is run from elsewhere.
# None of them needs a key, and none is given a variable of your environment.

connector "files" {
  command  = ["node_modules/.bin/mcp-server-filesystem", "desk"] # sees this folder and nothing else
  sanitise = true                                                # files hold what others wrote
}

# It keeps its graph in a file, which is looked for from where its code lies. Without
# this it would lie in node_modules, and the next npm ci would take it along.
connector "memory" {
  command = ["env", "MEMORY_FILE_PATH=../../../../memory.jsonl", "node_modules/.bin/mcp-server-memory"]
}

connector "thinking" {
  command = ["node_modules/.bin/mcp-server-sequential-thinking"]
}

# What it offers depends on what its client can do: more tools to one that it can ask
# back. The names keep what is pinned the same whoever asks.
connector "everything" {
  command = ["node_modules/.bin/mcp-server-everything", "stdio"]
  tools = [
    "echo",
    "get-annotated-message",
    "get-env",
    "get-resource-links",
    "get-resource-reference",
    "get-structured-content",
    "get-sum",
    "get-tiny-image",
    "gzip-file-as-resource",
    "simulate-research-query",
    "toggle-simulated-logging",
    "toggle-subscriber-updates",
    "trigger-long-running-operation",
  ]
  sanitise = true
  timeout  = "40s" # its long operation runs for as long as the caller says; see access.hcl
}

# Agents without a token are "local", who has no role. The editor's token is
# tool-desk-editor-example: made up and public, so this is for a machine of your own.
# For a real one write env = "..." here, or the SHA-256 of a secret.
principal "editor" {
  roles = ["editor"]

  token {
    sha256 = "479a8274565e9d331272b3591f030b35f52594952b65f069ac11c1c19379cad2"
  }
}

serve {
  mcp {
    listen    = "127.0.0.1:7070"
    anonymous = true
    whole     = [connector.everything]
  }
}
