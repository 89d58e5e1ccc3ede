# This file is kept by plimsoll; edits are lost.
# Commit it: it pins what plugins, fetched skills and tools may be.

plugin "accents" {
  version = "2.0.0"
  source  = "dir:./a"
  digests = {
    "linux/amd64" = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
  }
  config_schema = <<JSON
  {
    "title": "de\u0301compose\u0301 \ud83d\ude00"
  }
JSON
}

plugin "acme" {
  version = "1.2.0"
  source  = "dir:./dist"
  digests = {
    "darwin/arm64"  = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
    "linux/amd64"   = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    "windows/amd64" = "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
  }
  config_schema = <<JSON
  {
    "properties": {
      "base_url": {
        "default": "$${HOME} %%{if}",
        "description": "a \"quoted\" word",
        "type": "string"
      }
    },
    "type": "object"
  }
JSON
}

plugin "zeta" {
  version = "0.1.0"
  source  = "dir:./zeta"
  digests = {
    "linux/amd64" = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
  }
}

skill "digest" {
  source = "dir:../other"
  digest = "sha256:eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
}

skill "humanizer" {
  source = "git:https://example.com/skills//humanizer?ref=v1"
  digest = "sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
}

connector "calendar" {
  digest = "sha256:8888888888888888888888888888888888888888888888888888888888888888"
}

connector "tracker" {
  digest = "sha256:7777777777777777777777777777777777777777777777777777777777777777"
}

tool "calendar" "list $${x}" {
  digest = "sha256:9999999999999999999999999999999999999999999999999999999999999999"
}

tool "tracker" "create" {
  digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
}

tool "tracker" "search" {
  digest = "sha256:ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
}
