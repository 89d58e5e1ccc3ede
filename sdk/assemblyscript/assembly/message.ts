import { Json } from "./json";

/** One turn of a prompt. The role is system, user or assistant. */
export class Message {
  constructor(public role: string, public content: string) {}

  json(): Json {
    return Json.object().setText("role", this.role).setText("content", this.content);
  }
}
