/**
 * Why the call has no answer. AssemblyScript has no exceptions, so a problem is
 * noted here, and looked for when the skill's function has returned. The first
 * bad input counts, whatever follows from it.
 */
export class Problem {
  bad: bool = false; // the input has another shape than the skill reads
  code: string = "";
  message: string = "";
  detail: string = "";
  retryable: bool = false;

  get there(): bool {
    return this.code.length > 0;
  }

  set(code: string, message: string, retryable: bool, detail: string = ""): void {
    if (this.bad) return;
    this.code = code;
    this.message = message;
    this.retryable = retryable;
    this.detail = detail;
  }
}

/** Of the call that runs: a module has one at a time. */
export const problem: Problem = new Problem();

export function badInput(message: string): void {
  problem.set("bad_input", message, false);
  problem.bad = true;
}
