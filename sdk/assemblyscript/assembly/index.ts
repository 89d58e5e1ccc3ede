/**
 * Write a skill's code in AssemblyScript: what a prompt, a schema and gates
 * cannot say. The code is built as a WASM module that has no files, no network
 * and no clock; it is data in, data out.
 *
 *     import { Finish, Json, Skill } from "plimsoll-assemblyscript/assembly";
 *     export { plim_abi_1, plim_alloc, plim_call } from "plimsoll-assemblyscript/assembly";
 *
 *     const skill = new Skill("words");
 *     skill.finish = (c: Finish): void => {
 *       c.output = Json.texts(c.completion.split(" "));
 *     };
 *     skill.register();
 *
 * The wire is sdk/ABI.md, version 1. Nothing survives a call: the host puts the
 * memory back as it was after the start, and that is also what frees it.
 */
export { Json, Kind } from "./json";
export { Level, log } from "./guest";
export { Call, Check, Finish, Message, Prepare, Render, Run, Skill, plim_abi_1, plim_alloc, plim_call } from "./skill";
export { Host } from "./host";
