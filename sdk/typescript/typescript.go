// Package typescript holds the SDK for skills that are written in TypeScript or
// JavaScript: the module @plimsoll/skill, which the engine puts into every such
// skill itself, and its types, which editors read. Authors install nothing. The
// package hands out text; it must not run or check any.
//
//	code := typescript.Source()
//	for name, text := range typescript.Editor() {
//		fmt.Println(name, len(text))
//	}
package typescript

import _ "embed"

// Module is the name by which a skill imports the SDK.
const Module = "@plimsoll/skill"

var (
	//go:embed skill.js
	source string
	//go:embed plimsoll.d.ts
	types string
	//go:embed tsconfig.json
	tsconfig string
)

// Source is the SDK as one ES module in JavaScript.
func Source() string { return source }

// Types declares what Source exports.
func Types() string { return types }

// Editor has the files that make an editor know the SDK, by their paths in a
// skill's folder. The engine does not read them.
func Editor() map[string]string {
	return map[string]string{"tsconfig.json": tsconfig, "types/plimsoll.d.ts": types}
}
