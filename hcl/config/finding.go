package config

// finding is one sort of diagnostic: a stable code, and the summary that always
// goes with it. What is wrong with unknown names is said with the sort of name
// in the summary, hence not a constant here (see unknownName).
type finding struct{ code, summary string }

// The findings of this package. docs/config.md explains each code.
var (
	syntaxError        = finding{"syntax", "Syntax error"}
	oneLineBlock       = finding{"one-line-block", "Several arguments on one line"}
	duplicateAttribute = finding{"duplicate-attribute", "Attribute given twice"}
	unreadable         = finding{"unreadable", "File cannot be read"}
	tooLarge           = finding{"too-large", "File too large"}
	notText            = finding{"not-utf8", "Not UTF-8 text"}
	tooDeep            = finding{"too-deep", "Nested too deeply"}
	unknownBlock       = finding{"unknown-block", "Unknown block"}
	unknownAttribute   = finding{"unknown-attribute", "Unknown attribute"}
	missingAttribute   = finding{"missing-attribute", "Missing attribute"}
	missingBlock       = finding{"missing-block", "Missing block"}
	duplicateBlock     = finding{"duplicate-block", "Block given twice"}
	duplicateName      = finding{"duplicate-name", "Duplicate name"}
	wrongLabels        = finding{"wrong-labels", "Wrong labels"}
	badName            = finding{"bad-name", "Invalid name"}
	wrongType          = finding{"wrong-type", "Wrong type"}
	outOfRange         = finding{"out-of-range", "Value out of range"}
	notAllowed         = finding{"not-allowed", "Value not allowed"}
	emptyValue         = finding{"empty-value", "Empty value"}
	badDuration        = finding{"bad-duration", "Not a duration"}
	badSize            = finding{"bad-size", "Not a size"}
	badPattern         = finding{"bad-pattern", "Pattern does not compile"}
	badMoney           = finding{"bad-money", "Amount cannot be kept exactly"}
	badPrice           = finding{"bad-price", "Price cannot be used"}
	priceOrder         = finding{"price-order", "Ladder is not in order of price"}
	unpriced           = finding{"unpriced", "Tier without a price"}
	badAddress         = finding{"bad-address", "Backend cannot be reached like this"}
	badSchedule        = finding{"bad-schedule", "Schedule cannot be read"}
	badURL             = finding{"bad-url", "Nothing can be sent there"}
	badPanel           = finding{"bad-judge", "Judges that cannot judge together"}
	badReference       = finding{"bad-reference", "Not a reference"}
	wrongLadder        = finding{"wrong-ladder", "Tier of another ladder"}
	badExpression      = finding{"expression", "Expression cannot be evaluated"}
	unknownFunction    = finding{"unknown-function", "Unknown function"}
	notLiteral         = finding{"not-literal", "Not a literal value"}
	templateInRule     = finding{"template-in-rule", "Template in a rule"}
	ruleNotLiteral     = finding{"rule-not-literal", "Rule is not a literal string"}
	localCycle         = finding{"local-cycle", "Locals in a circle"}
	missingVariable    = finding{"missing-variable", "Variable has no value"}
	undeclaredVariable = finding{"undeclared-variable", "Variable is not declared"}
	badVariable        = finding{"bad-variable", "Value does not fit the variable"}
	projectOnly        = finding{"project-only", "Belongs in the project"}
	gateKind           = finding{"gate-kind", "Gate needs exactly one kind"}
	badFix             = finding{"bad-fix", "Fix does not fit the gate"}
	minMax             = finding{"min-max", "Minimum above maximum"}
	missingFolder      = finding{"missing-folder", "Folder does not exist"}
	missingItems       = finding{"missing-items", "No items named"}
	mixedItems         = finding{"mixed-items", "Items of two kinds"}
	methodSource       = finding{"method-source", "Method does not fit the items"}
	sameModel          = finding{"same-model", "Runner ignores the model"}
	badRunner          = finding{"bad-runner", "Runner cannot run like this"}
	unknownCost        = finding{"unknown-cost", "Runner's cost is not known"}
	badTest            = finding{"bad-test", "Test cannot be run"}
	badConnector       = finding{"bad-connector", "Connector cannot be used like this"}
	badHeader          = finding{"bad-header", "Header cannot be sent"}
	badRange           = finding{"bad-range", "Not a range of addresses"}
	badGlob            = finding{"bad-glob", "Pattern matches no name"}
	badListen          = finding{"bad-listen", "Cannot be listened at like this"}
	badToken           = finding{"bad-token", "Callers cannot be told apart like this"}
	secretInFile       = finding{"secret-in-file", "Secret in the repository"}
	nameClash          = finding{"name-clash", "Tools of two connectors with one name"}
	matchesNothing     = finding{"matches-nothing", "Nothing there that this matches"}
	noEffect           = finding{"no-effect", "Has no effect"}
	unknownRole        = finding{"unknown-role", "Nobody has this role"}
	badTopology        = finding{"bad-topology", "Topology cannot be laid out like this"}
	badTime            = finding{"bad-time", "Not a time"}
)
