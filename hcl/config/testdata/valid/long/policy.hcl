assignment "humanizer" "main" {
  this file has a reader of its own and would not parse here
}
