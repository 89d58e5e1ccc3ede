package telemetry

// The names of the instruments. A caller feeds those below by Add, Set and
// Observe; the durations of operations are fed by Call.
type (
	Counter   string
	Gauge     string
	Histogram string
)

// Counters.
const (
	Decisions     Counter = "plimsoll_access_decisions_total"
	Logins        Counter = "plimsoll_auth_total"
	Limited       Counter = "plimsoll_rate_limited_total"
	Abstentions   Counter = "plimsoll_search_abstentions_total"
	Restarts      Counter = "plimsoll_connector_restarts_total"
	Spilled       Counter = "plimsoll_connector_spilled_total"
	AuditFailures Counter = "plimsoll_audit_failures_total"
	Runs          Counter = "plimsoll_runs_total"
	Attempts      Counter = "plimsoll_attempts_total"
	Cost          Counter = "plimsoll_cost_microdollars_total"
	Escalations   Counter = "plimsoll_escalations_total"
	Moves         Counter = "plimsoll_moves_total"
	Verdicts      Counter = "plimsoll_verdicts_total"
	Nights        Counter = "plimsoll_nights_total"
	TraceFailures Counter = "plimsoll_trace_export_failures_total"
)

// Gauges.
const (
	Queue       Gauge = "plimsoll_queue_length"
	Up          Gauge = "plimsoll_connector_up"
	Stale       Gauge = "plimsoll_connector_stale"
	Quarantined Gauge = "plimsoll_connector_quarantined_tools"
	Sessions    Gauge = "plimsoll_mcp_sessions"
	Documents   Gauge = "plimsoll_index_documents"
	Entries     Gauge = "plimsoll_audit_entries"
	Build       Gauge = "plimsoll_build_info"
)

// Histograms. Those of operations are fed by Call.
const (
	ServeDuration   Histogram = "mcp_server_operation_duration_seconds"
	RequestDuration Histogram = "mcp_client_operation_duration_seconds"
	SessionDuration Histogram = "mcp_server_session_duration_seconds"
	ModelDuration   Histogram = "gen_ai_client_operation_duration_seconds"
	ModelTokens     Histogram = "gen_ai_client_token_usage"
	SkillDuration   Histogram = "gen_ai_invoke_agent_duration_seconds"
	ToolDuration    Histogram = "gen_ai_execute_tool_duration_seconds"
	FindDuration    Histogram = "plimsoll_search_duration_seconds"
	DecideDuration  Histogram = "plimsoll_access_decision_duration_seconds"
	AuditDuration   Histogram = "plimsoll_audit_append_duration_seconds"
	NightDuration   Histogram = "plimsoll_night_duration_seconds"
	ResultBytes     Histogram = "plimsoll_result_bytes"
)

// Metric describes one instrument.
type Metric struct {
	Name    string
	Type    string // counter, gauge or histogram
	Unit    string // seconds, bytes, microdollars, tokens; "" counts things
	Help    string
	Labels  []string
	Buckets []float64 // of a histogram
}

// The bucket bounds. seconds begins below the 10 ms of the conventions' advice,
// because a gateway on loopback answers in less than one; the rest is theirs.
var (
	seconds    = []float64{0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300}
	generation = []float64{0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92}
	tokens     = []float64{1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864}
	quick      = []float64{0.000005, 0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1}
	nights     = []float64{1, 10, 60, 300, 900, 1800, 3600, 7200, 14400, 28800}
	sizes      = []float64{256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864}
)

// metrics is every instrument by its name.
var metrics = index([]Metric{
	{string(ServeDuration), "histogram", "seconds", "Duration of MCP requests that were answered.", []string{"mcp_method_name", "gen_ai_tool_name", "error_type", "mcp_protocol_version", "network_transport"}, seconds},
	{string(RequestDuration), "histogram", "seconds", "Duration of MCP requests made of connectors.", []string{"mcp_method_name", "connector", "gen_ai_tool_name", "error_type", "mcp_protocol_version", "network_transport"}, seconds},
	{string(SessionDuration), "histogram", "seconds", "Duration of MCP sessions of clients.", []string{"error_type", "mcp_protocol_version", "network_transport"}, seconds},
	{string(ModelDuration), "histogram", "seconds", "Duration of calls of models and of embeddings endpoints.", []string{"gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "error_type"}, generation},
	{string(ModelTokens), "histogram", "tokens", "Tokens of a call of a model.", []string{"gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "gen_ai_token_type"}, tokens},
	{string(SkillDuration), "histogram", "seconds", "Duration of runs of skills.", []string{"gen_ai_agent_name", "tier", "error_type"}, generation},
	{string(ToolDuration), "histogram", "seconds", "Duration of tool calls, access and audit included.", []string{"gen_ai_tool_name", "connector", "error_type"}, seconds},
	{string(FindDuration), "histogram", "seconds", "Duration of searches in the catalogue.", []string{"error_type"}, quick},
	{string(DecideDuration), "histogram", "seconds", "Duration of decisions of the call gate, approvals looked up.", nil, quick},
	{string(AuditDuration), "histogram", "seconds", "Duration of appends to the audit log, until they are safe on disk.", nil, seconds},
	{string(NightDuration), "histogram", "seconds", "Duration of nights.", []string{"outcome"}, nights},
	{string(ResultBytes), "histogram", "bytes", "Size of tool results before they are cut.", []string{"connector"}, sizes},

	{string(Decisions), "counter", "", "Decisions of the call gate.", []string{"action", "effect"}, nil},
	{string(Logins), "counter", "", "Requests by how their credentials were judged.", []string{"outcome"}, nil},
	{string(Limited), "counter", "", "Requests refused by a rate limit.", []string{"limit"}, nil},
	{string(Abstentions), "counter", "", "Searches that found nothing good enough.", nil, nil},
	{string(Restarts), "counter", "", "Starts of a connector after its first: it had died, or nobody had called it for its idle time.", []string{"connector"}, nil},
	{string(Spilled), "counter", "", "Results of tools that were longer than output_limit and kept as blobs.", []string{"connector"}, nil},
	{string(AuditFailures), "counter", "", "Appends to the audit log that failed; their calls did not happen.", nil, nil},
	{string(Runs), "counter", "", "Runs of skills.", []string{"skill", "tier", "outcome"}, nil},
	{string(Attempts), "counter", "", "Attempts of runs, one for each step of the skill.", []string{"skill", "step", "tier", "outcome"}, nil},
	{string(Cost), "counter", "microdollars", "Money spent on model calls: by runs, by nights, by the watch over steps that moved.", []string{"skill", "tier", "purpose"}, nil},
	{string(Escalations), "counter", "", "Steps moved up because of what happened in production: fuses, and drift that the watch found.", []string{"skill", "step", "tier"}, nil},
	{string(Moves), "counter", "", "Moves of steps that nights wrote to the policy file: down, or up as an escalation of the day.", []string{"skill", "step", "direction"}, nil},
	{string(Verdicts), "counter", "", "Verdicts of nights about steps: moved, held, inconclusive.", []string{"outcome"}, nil},
	{string(Nights), "counter", "", "Nights: ended, stopped, failed.", []string{"outcome"}, nil},
	{string(TraceFailures), "counter", "", "Batches of traces that could not be sent.", nil, nil},

	{string(Queue), "gauge", "", "What waits: approvals for a person, messages for their receiver, shadows (runs for their comparison).", []string{"queue"}, nil},
	{string(Up), "gauge", "", "0 while a connector is degraded, broken or quarantined; 1 while it answers, or waits for a call that starts it.", []string{"connector"}, nil},
	{string(Stale), "gauge", "", "1 while the last good catalogue of a connector stands in for the present one.", []string{"connector"}, nil},
	{string(Quarantined), "gauge", "", "Tools of a connector that wait for approval.", []string{"connector"}, nil},
	{string(Sessions), "gauge", "", "Open MCP sessions of clients.", []string{"network_transport"}, nil},
	{string(Documents), "gauge", "", "Skills and tools in the search index.", []string{"kind"}, nil},
	{string(Entries), "gauge", "", "Entries of the audit log.", nil, nil},
	{string(Build), "gauge", "", "Always 1; the version of Plimsoll.", []string{"version"}, nil},
})

func index(list []Metric) map[string]Metric {
	out := make(map[string]Metric, len(list))
	for _, m := range list {
		out[m.Name] = m
	}
	return out
}

// measure feeds the metrics of an operation that ended.
func (t *Telemetry) measure(l Labels, r Result, took float64) {
	fail := r.Error
	switch l.Op {
	case Serve:
		t.Observe(ServeDuration, took, l.Method, l.Tool, fail, l.Protocol, string(l.Transport))
	case Request:
		t.Observe(RequestDuration, took, l.Method, l.Connector, l.Tool, fail, l.Protocol, string(l.Transport))
	case Model, Embed:
		op := operation(l.Op)
		t.Observe(ModelDuration, took, op, l.Provider, l.Model, fail)
		if r.Input > 0 {
			t.Observe(ModelTokens, float64(r.Input), op, l.Provider, l.Model, "input")
		}
		if r.Output > 0 {
			t.Observe(ModelTokens, float64(r.Output), op, l.Provider, l.Model, "output")
		}
	case Skill:
		t.Observe(SkillDuration, took, l.Skill, l.Tier, fail)
	case Execute:
		t.Observe(ToolDuration, took, l.Tool, l.Connector, fail)
		if fail == "" {
			t.Observe(ResultBytes, float64(r.Bytes), l.Connector)
		}
	case Find:
		t.Observe(FindDuration, took, fail)
		if fail == "" && r.Found == 0 {
			t.Add(Abstentions, 1)
		}
	}
}
