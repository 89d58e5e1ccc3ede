package config

func principalDoc() *BlockDoc {
	return &BlockDoc{
		Type: "principal", Labels: []string{labelName},
		Doc: "A caller with a bearer token of its own. Callers of an OAuth issuer need no block.",
		Attributes: []*AttributeDoc{
			{Name: "roles", Type: Strings, Default: "[]", Example: `["builder"]`, Doc: "What rules call the caller."},
		},
		Blocks: []*BlockDoc{{
			Type: "token", Single: true, Required: true,
			Doc: "Where the token is. Exactly one of `env`, `file` and `sha256`.",
			Attributes: []*AttributeDoc{
				{Name: "env", Type: String, Example: `"PLIMSOLL_CI_TOKEN"`, Doc: "Name of the environment variable with it."},
				{Name: "file", Type: String, Example: `"/run/secrets/ci"`, Doc: "File with it; a path that is not absolute is relative to the project."},
				{Name: "sha256", Type: String, Example: `"a6a1…"`, Doc: "Its SHA-256 in hexadecimal, which may stand in the repository when the token is long and random: `head -c 32 /dev/urandom | base64` makes one, and `printf %s \"$TOKEN\" | sha256sum` its digest."},
			},
			Example: "token {\n  env = \"PLIMSOLL_CI_TOKEN\"\n}",
		}},
		Example: "principal \"ci\" {\n  roles = [\"builder\"]\n  token {\n    env = \"PLIMSOLL_CI_TOKEN\"\n  }\n}",
	}
}

func oauthDoc() *BlockDoc {
	return &BlockDoc{
		Type: "oauth", Single: true,
		Doc: "Whose OAuth access tokens (JWT) are taken. Nothing is fetched: the keys are a file.",
		Attributes: []*AttributeDoc{
			{Name: "issuer", Type: String, Required: true, Example: `"https://id.example.com"`, Doc: "Who issues the tokens, exactly as in their claim `iss`."},
			{Name: "audience", Type: String, Required: true, Example: `"https://plimsoll.example.com/mcp"`, Doc: "What this server is called in their claim `aud`. A token for somebody else is refused."},
			{Name: "jwks", Type: String, Required: true, Example: `file("jwks.json")`, Doc: "The issuer's public keys, a JSON Web Key Set."},
			{Name: "roles", Type: String, Default: `"roles"`, Doc: "The claim that holds the roles: a list of strings."},
			{Name: "scopes", Type: Strings, Default: "[]", Example: `["mcp"]`, Doc: "Scopes that a token must have, all of them."},
			{Name: "types", Type: Strings, Default: `["at+jwt"]`, Example: `["at+jwt", "JWT"]`, Doc: "Values of a token's header `typ` that are taken. An issuer that writes `JWT` must be named like this: its id tokens say the same, and only the audience keeps them apart."},
		},
		Example: "oauth {\n  issuer   = \"https://id.example.com\"\n  audience = \"https://plimsoll.example.com/mcp\"\n  jwks     = file(\"jwks.json\")\n}",
	}
}

// matchDocs are the attributes of Match.
func matchDocs() []*AttributeDoc {
	return []*AttributeDoc{
		{Name: "tools", Type: Strings, Default: "all", Example: `["github_*"]`, Doc: "Prefixed names of tools; `*` stands for any characters."},
		{Name: "skills", Type: Strings, Default: "all", Example: `["digest-*"]`, Doc: "Names of skills, in the same way. With `tools` beside it: those tools and these skills."},
		{Name: "connectors", Type: Strings, Default: "all", Example: `["github"]`, Doc: "Names of connectors, in the same way. Skills are of none."},
		{Name: "roles", Type: Strings, Default: "all", Example: `["engineer"]`, Doc: "The caller has one of them."},
	}
}

func accessDoc() *BlockDoc {
	rule := append(matchDocs(),
		&AttributeDoc{Name: "when", Type: Rule, Default: `"true"`, Example: `"annotations.read_only && args.repo startsWith 'acme/'"`, Doc: "Must be true too."},
		&AttributeDoc{Name: "effect", Type: String, Required: true, Allowed: []string{"allow", "deny", "ask"}, Example: `"allow"`, Doc: "What follows. `deny` beats `ask` beats `allow`, whatever the order of the rules."},
		&AttributeDoc{Name: "reason", Type: String, Example: `"Deletes go through the on-call engineer."`, Doc: "Shown to who is refused, or has to ask."},
		&AttributeDoc{Name: "valid", Type: Duration, Default: `"1h"`, Doc: "With `ask`: how long an approval holds. It is of one definition, one set of arguments and one caller."},
		&AttributeDoc{Name: "approvers", Type: Strings, Default: "whoever has the command line", Example: `["lead"]`, Doc: "With `ask`: roles that may approve."},
	)
	limit := append(matchDocs(),
		&AttributeDoc{Name: "per", Type: String, Allowed: []string{"principal", "session", "connector"}, Default: `"principal"`, Doc: "Whose calls are counted together."},
		&AttributeDoc{Name: "calls", Type: Integer, Required: true, Range: "[1,1000000000]", Example: "600", Doc: "So many calls at most."},
		&AttributeDoc{Name: "within", Type: Duration, Required: true, Example: `"1h"`, Doc: "In any stretch of time as long as this, from 1s to 744h."},
	)
	return &BlockDoc{
		Type: "access", Single: true,
		Doc: "Who may see and call which tools and skills. The same rules hold when tools are listed, found, described and called.",
		Attributes: []*AttributeDoc{
			{Name: "unmatched", Type: String, Allowed: []string{"careful", "deny", "allow"}, Default: `"careful"`, Doc: "What holds where no rule matches. `careful` allows skills, and tools that are pinned and say that they are read-only; it denies destructive tools and those that say nothing."},
			{Name: "redact", Type: Strings, Default: "[]", Example: `["password", "auth.*.token"]`, Doc: "Argument members whose values are stored as salted hashes only. A name means members of that name at any depth; a path begins at the top, and `*` is any one member or element."},
		},
		Blocks: []*BlockDoc{
			{
				Type: "rule", Labels: []string{labelTitle}, Attributes: rule,
				Doc:     "Lists that are given must all match, and so must `when`.",
				Example: "rule \"readers read\" {\n  tools  = [\"github_*\"]\n  roles  = [\"engineer\"]\n  when   = \"annotations.read_only\"\n  effect = \"allow\"\n}",
			},
			{
				Type: "limit", Labels: []string{labelTitle}, Attributes: limit,
				Doc:     "A number of calls in a stretch of time. Calls over it are refused.",
				Example: "limit \"hourly\" {\n  calls  = 600\n  within = \"1h\"\n}",
			},
		},
		Example: "access {\n  rule \"deletes are asked\" {\n    tools  = [\"*_delete_*\"]\n    effect = \"ask\"\n  }\n}",
	}
}

func surfaceDoc() *BlockDoc {
	return &BlockDoc{
		Type: "mcp", Single: true,
		Doc: "Answer agents over HTTP: find, describe, run a skill, call a tool. Over standard input and output they are answered without it.",
		Attributes: []*AttributeDoc{
			{Name: "listen", Type: String, Required: true, Example: `"127.0.0.1:7070"`, Doc: "HOST:PORT. Another host than this machine's own needs `tls`, and callers with credentials."},
			{Name: "plaintext", Type: Bool, Default: "false", Doc: "Speak http beyond this machine: something in front of it has TLS."},
			{Name: "whole", Type: ToConnectors, Default: "[]", Example: "[connector.github]", Doc: "Connectors that are also served whole, at `/mcp/NAME`, with their own names, under the same rules."},
			{Name: "origins", Type: Strings, Default: "[]", Example: `["https://app.example.com"]`, Doc: "Web pages whose scripts may call. Without any, browsers are refused."},
			{Name: "anonymous", Type: Bool, Default: "false", Doc: "On this machine: callers without credentials are let in beside those that have them, as `local` and without roles. Where no principal and no `oauth` is declared, they are in anyway."},
		},
		Blocks: []*BlockDoc{{
			Type: "tls", Single: true,
			Doc: "The server's certificate.",
			Attributes: []*AttributeDoc{
				{Name: "cert", Type: String, Required: true, Example: `file("certs/serve.pem")`, Doc: "The certificate and those that it rests on, as PEM."},
				{Name: "key", Type: String, Required: true, Example: `env("PLIMSOLL_TLS_KEY", "")`, Doc: "Its private key, as PEM. It must not stand in the repository; empty, the project can be checked, and not served."},
			},
			Example: "tls {\n  cert = file(\"certs/serve.pem\")\n  key  = env(\"PLIMSOLL_TLS_KEY\", \"\")\n}",
		}},
		Example: "mcp {\n  listen = \"127.0.0.1:7070\"\n}",
	}
}

func searchDoc() *BlockDoc {
	return &BlockDoc{
		Type: "search", Single: true,
		Doc: "How `find` ranks skills and tools. Without the block it goes by words alone, which needs nothing else.",
		Attributes: []*AttributeDoc{
			{Name: "threshold", Type: Number, Range: "[0,1]", Default: "0.5", Example: "0.6", Doc: "How sure `find` must be of its best hit. Below it the answer is that there is nothing, because the best of what does not fit is worse than nothing. 0 answers whatever there is."},
		},
		Blocks: []*BlockDoc{{
			Type: "embeddings", Single: true,
			Doc: "Rank by meaning too. Queries and descriptions are sent there.",
			Attributes: []*AttributeDoc{
				{Name: "url", Type: String, Required: true, Example: `"http://127.0.0.1:8081/v1/embeddings"`, Doc: "An endpoint as OpenAI's: https, or http on this machine."},
				{Name: "model", Type: String, Required: true, Example: `"bge-m3"`, Doc: "Its name of the model."},
				{Name: "plaintext", Type: Bool, Default: "false", Doc: "Allow http to another machine: whoever is on the way can read what is asked."},
			},
			Blocks:  []*BlockDoc{headerDoc("embeddings")},
			Example: "embeddings {\n  url   = \"http://127.0.0.1:8081/v1/embeddings\"\n  model = \"bge-m3\"\n}",
		}},
		Example: "search {\n  threshold = 0.6\n}",
	}
}
