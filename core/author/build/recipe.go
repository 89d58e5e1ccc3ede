package build

import "strings"

// kind is a language by the file that shows it.
type kind struct {
	has    string // a pattern of file names
	recipe func(dir string, found []string) Recipe
}

// kinds are looked for in this order: a folder with a Cargo.toml may have C
// files beside it, not the other way round.
func kinds() []kind {
	return []kind{
		{"go.mod", goRecipe}, {"*.go", goRecipe},
		{"Cargo.toml", rustRecipe},
		{"package.json", assemblyScriptRecipe},
		{"*.c", cRecipe},
	}
}

func goRecipe(string, []string) Recipe {
	return Recipe{
		Language: "Go",
		Env:      []string{"GOOS=wasip1", "GOARCH=wasm"},
		// -trimpath and -buildvcs=false leave folders and commits out, so that the
		// same source gives the same bytes for everybody.
		Args:    []string{"go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-buildmode=c-shared", "-o", outName, "."},
		Install: "Go 1.24 or later, from https://go.dev/dl",
	}
}

func rustRecipe(dir string, _ []string) Recipe {
	return Recipe{
		Language: "Rust",
		Args:     []string{"cargo", "build", "--quiet", "--offline", "--release", "--target", "wasm32-unknown-unknown", "--target-dir", "target"},
		Made:     "target/wasm32-unknown-unknown/release/skill.wasm",
		Install:  "rustup from https://rustup.rs, then: rustup target add wasm32-unknown-unknown (Debian: apt install cargo libstd-rust-dev-wasm32)",
	}
}

func assemblyScriptRecipe(string, []string) Recipe {
	return Recipe{
		Language: "AssemblyScript",
		Args:     []string{"npx", "--no-install", "asc", "skill.ts", "--config", "node_modules/plimsoll-assemblyscript/skill.json", "--outFile", outName},
		Install:  "Node.js 20 or later, from https://nodejs.org",
		Needs: []Need{
			{"skill.ts", "skill.ts is where the code begins; write it, or build with a command of your own"},
			{"node_modules/assemblyscript", "run `npm install` in the folder of package.json (npm ci, with a package-lock.json)"},
			{"node_modules/plimsoll-assemblyscript", "run `npm install` in the folder of package.json; its devDependencies name the SDK"},
		},
	}
}

func cRecipe(_ string, found []string) Recipe {
	return Recipe{
		Language: "C",
		Args: append(append([]string{"clang"},
			// As sdk/c/README.md has it: the stack lies below the data, so that one that
			// overflows traps instead of writing over it.
			"--target=wasm32", "-std=c99", "-O2", "-Wall", "-nostdlib",
			"-Wl,--no-entry,--stack-first,--strip-all,--initial-memory=262144", "-o", outName), found...),
		Install: "clang 14 or later with lld (Debian: apt install clang lld; macOS: brew install llvm lld)",
	}
}

// hint explains what a toolchain's words most probably mean.
func hint(output string) string {
	for _, h := range []struct{ says, means string }{
		{"can't find crate for `core`", "The WASM target of Rust is missing. Run: rustup target add wasm32-unknown-unknown (Debian: apt install libstd-rust-dev-wasm32)."},
		{"can't find crate for `std`", "The WASM target of Rust is missing. Run: rustup target add wasm32-unknown-unknown (Debian: apt install libstd-rust-dev-wasm32)."},
		{"wasm-ld", "clang cannot find the WASM linker. Install lld (Debian: apt install lld)."},
		{"unable to create target: 'No available targets", "This clang has no WASM target (Apple's has none). Install LLVM's own: brew install llvm lld."},
		{"unsupported option '--target=wasm32'", "This compiler has no WASM target. Install clang."},
		{"go: go.mod requires go >=", "The go command is older than go.mod asks for. Install a newer Go from https://go.dev/dl."},
		{"buildmode=c-shared not supported", "This Go cannot build WASM reactors. Install Go 1.24 or later."},
		{"requires import from", "The code imports a module that is not on this machine, and nothing is fetched while building. Vendor it, or run `go mod download` where there is a network."},
		{"module lookup disabled by GOPROXY=off", "The code imports a module that is not on this machine. Vendor it, or run `go mod download` where there is a network."},
		{"function main is undeclared", "The folder must be a main package: add func main() {}."},
	} {
		if strings.Contains(output, h.says) {
			return h.means
		}
	}
	return ""
}
