package lint

// spoken are the phrases of scripts with spaces between words, folded: lower
// case and without accents. The forms are those of published attacks and their
// translations; a phrase is as narrow as it must be to leave the 1,448 real
// skills and 2,678 real tools of BENCHMARKS.md in peace.
var spoken = compile(map[string][]string{
	"inject-override": {
		// English
		"ignore|disregard|forget|override|bypass|discard ~3 previous|prior|above|earlier|preceding|foregoing|existing|original|initial ~2 instruction*|rules|prompt|prompts|directions|guidelines|commands|directives|messages|constraints",
		"ignore|disregard|forget|discard all|any|every ~1 instructions|rules|guidelines|directives",
		"ignore|disregard|forget|override|bypass your|the|its ~1 system|safety|security|developer ~1 prompt|prompts|instructions|rules|guidelines|policy|policies|message|messages",
		"ignore|disregard|forget everything|anything ~2 above|before|previously|said|told|learned",
		"do not|don't follow|obey ~2 previous|prior|above|earlier|system|user's ~2 instructions|rules|prompt",
		"you are|are now in|a developer|dan|jailbreak|jailbroken|unrestricted|unfiltered mode|assistant|ai|model",
		"your new|real|actual|true instructions|task|goal|objective|role are|is",
		"new|updated|real|actual system instructions|prompt|message ~1 follow*|override*|replace*",
		"pretend|act ~2 have|had no restrictions|rules|guidelines|limits|filters",
		// German
		"ignoriere|ignorier|ignorieren|vergiss|vergessen|missachte|missachten|ubergehe ~3 vorherigen|vorigen|vorhergehenden|bisherigen|fruheren|obigen|vorangegangenen|anderen ~1 anweisung*|instruktion*|befehl*|regeln|vorgaben",
		"ignoriere|ignorier|ignorieren|vergiss|vergessen alle ~2 anweisungen|instruktionen|regeln|vorgaben",
		// French
		"ignore|ignorez|ignorer|oublie|oubliez|oublier ~3 instructions|consignes|regles|directives ~1 precedentes|anterieures|initiales|ci",
		"ne suis|suivez|respecte|respectez ~1 les|aucune ~1 instructions|consignes ~1 precedentes",
		// Spanish
		"ignora|ignore|ignorar|olvida|olvide|olvidar|descarta ~3 instrucciones|indicaciones|reglas|ordenes ~1 anteriores|previas|precedentes|iniciales",
		// Portuguese
		"ignore|ignora|ignorar|esqueca|esquecer|desconsidere|desconsiderar ~3 instrucoes|regras|orientacoes ~1 anteriores|previas|acima|iniciais",
		// Italian
		"ignora|ignori|ignorare|dimentica|dimenticare|trascura ~3 istruzioni|regole|indicazioni ~1 precedenti|iniziali|anteriori",
		// Dutch
		"negeer|vergeet|negeren ~3 vorige|eerdere|voorgaande|bovenstaande ~1 instructies|opdrachten|regels",
		// Polish
		"zignoruj|ignoruj|zapomnij ~3 poprzednie|wczesniejsze|poprzednich ~1 instrukcje|polecenia|instrukcjach|zasady",
		// Russian
		"игнорируи|игнорируите|игнорировать|забудь|забудьте|отмени ~3 предыдущие|прежние|предшествующие|вышеуказанные ~1 инструкции|указания|правила|команды",
		"игнорируи|игнорируите|забудь|забудьте все ~1 инструкции|указания|правила",
		// Turkish
		"onceki|yukaridaki|tum ~1 talimatlari|komutlari|kurallari|yonergeleri ~1 yoksay|gormezden|unut|unutun|dikkate",
		// Arabic
		"تجاهل|تجاهلي|تجاهلوا|انس|انسى|اهمل ~2 التعليمات|تعليمات|الاوامر|القواعد|تعليماتك|جميع ~1 السابقة|التعليمات|اعلاه|السابق",
		// Hindi
		"पिछले|पिछली|पूर्व|उपरोक्त ~2 निर्देशों|निर्देश|आदेशों|नियमों ~2 अनदेखा|नजरअंदाज|भूल|उपेक्षा",
	},
	"inject-conceal": {
		"do|must|should|shall|will not|never ~1 tell|mention|inform|reveal|disclose|notify|alert ~5 user|users|human|operator",
		"don't|mustn't tell|mention|inform|reveal|disclose|notify|alert ~5 user|users|human|operator",
		"never tell|mention|inform|reveal|disclose|notify|alert ~4 to the user|users|human",
		"never tell|inform|notify|alert ~1 user|users|human|them",
		"without telling|informing|notifying|alerting|mentioning ~3 user|users|human",
		"keep|hide|conceal ~3 from the|your user|users|human",
		"the user must|should|shall|does|need not|never|n't ~1 know|see|notice|learn|be ~2 about|this|that|informed|told|aware",
		"sage|sag|erzahle|verrate|erwahne|informiere ~4 nutzer|benutzer|anwender ~2 nicht|nichts",
		"ohne ~4 nutzer|benutzer|anwender zu informieren|fragen|benachrichtigen",
		"ne dis|dites|mentionne|mentionnez|informe|informez ~2 pas|rien ~4 utilisateur|utilisateurs",
		"no ~2 digas|diga|menciones|mencione|informes|informe|reveles|revele ~4 usuario|usuarios",
		"nao diga|mencione|informe|revele|conte ~4 usuario|usuarios",
		"non dire|menzionare|informare|rivelare ~4 utente|utenti",
		"не говори|говорите|сообщаи|сообщаите|упоминаи|рассказываи ~4 пользователю|пользователям",
		"لا تخبر|تذكر|تبلغ|تكشف ~2 المستخدم|للمستخدم",
	},
	"inject-exfiltrate": {
		"send|upload|forward|transmit|pass|include|append|leak|exfiltrate|copy|submit|put ~4 conversation|chat ~1 history|log|transcript|content|contents",
		"pass|include|send|put|provide|insert|append|add ~3 entire|whole|full|complete|previous ~1 conversation|chat|prompt",
		"pass|include|send|put|provide|insert|append|add all ~1 previous|prior|earlier|user's ~1 messages|prompts",
		"send|upload|forward|transmit|leak|exfiltrate|pass|include|provide ~3 system|developer|hidden|initial prompt|instructions",
		"reveal|print|output|repeat|show your|the|its ~1 system|developer|hidden|initial prompt|instructions",
		"send|upload|post|forward|transmit|leak|exfiltrate ~5 passwords|credentials|secrets|tokens|keys|cookies ~4 to http*",
		"send|upload|post|forward|transmit|leak|exfiltrate ~5 passwords|credentials|secrets|tokens|keys|cookies ~4 to this|our|my|following ~2 url|server|address|endpoint|webhook|email|site",
		"read|cat|open|fetch ~3 env|credentials|id_rsa|secrets|shadow ~6 pass|send|include|put|provide|as|into ~4 parameter|argument|field|content|sidenote",
		"sende|schicke|ubermittle ~4 gesprachsverlauf|systemprompt|zugangsdaten|passworter|unterhaltung",
		"envoie|envoyez|transmets ~4 conversation|invite|identifiants|mots",
		"envia|envie|manda ~4 conversacion|credenciales|contrasenas|conversa|senhas",
	},
	"inject-order": {
		"you|always|must|should|first|never must|should|always|call|use|invoke|run|first ~2 this|the tool|function ~2 before|first|instead ~3 any|other|all|every|calling|using|doing|answering|responding",
		"always call|use|invoke|run this ~1 tool|function|server ~2 first|before|instead",
		"before using|calling|invoking|running any|every|all ~1 other|another tool|tools|function|functions",
		"never|not use|call|invoke ~1 other|any|another ~1 other tool|tools|function|functions",
		"this tool must|should|has ~2 called|used|invoked|run ~1 first|before ~2 any|every|all|other",
		"instead of any|all|every|the other tool|tools|function|functions",
		"takes|has priority|precedence over ~2 other|all|any ~1 tool|tools",
		"do not use|call|trust any|the other tools|servers|functions",
	},
})

// marks are literal, lower case.
var marks = map[string][]string{
	"inject-role": {
		"<|im_start|>", "<|im_end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|endoftext|>", "<|begin_of_text|>", "<|start_header_id|>", "<|eot_id|>",
		"[inst]", "[/inst]", "<<sys>>", "<start_of_turn>", "<end_of_turn>", "<important>", "<system>", "</system>", "<system_prompt>", "<system-reminder>",
		"<function_calls>", "<tool_response>", "\n\nhuman:", "\n\nassistant:", "<user_query>", "</tool_result>",
	},
	"sensitive-path": {
		"~/.ssh", ".ssh/id_", "id_rsa", "id_ed25519", "~/.aws", ".aws/credentials", "/etc/shadow", "/etc/passwd", "~/.netrc", "~/.kube/config", "~/.docker/config.json",
		"~/.gnupg", "~/.cursor/mcp.json", "claude_desktop_config.json", "~/.npmrc", "~/.pypirc", "/.git-credentials",
	},
}

// written are phrases of scripts without spaces: one of the first pieces, and
// soon one of the second.
var written = []struct {
	rule          string
	first, second []string
}{
	{"inject-override", []string{"忽略", "无视", "無視", "忘记", "忘記", "不要遵守", "不要遵循"}, []string{"之前的指令", "之前的指示", "先前的指令", "以上指令", "前面的指令", "所有指令", "以上所有", "之前的所有", "系统提示", "系統提示", "先前指示", "之前的提示", "上述指令", "之前所有"}},
	{"inject-override", []string{"以前の指示", "これまでの指示", "上記の指示", "前の指示", "すべての指示", "全ての指示", "システムプロンプト"}, []string{"無視", "忘れ", "従わない"}},
	{"inject-override", []string{"이전 지시", "이전의 지시", "이전 명령", "위의 지시", "모든 지시", "앞의 지시", "시스템 프롬프트", "이전 지침", "모든 지침"}, []string{"무시", "잊어", "따르지"}},
	{"inject-override", []string{"ละเว้นคำสั่ง", "เพิกเฉยต่อคำสั่ง", "ไม่ต้องสนใจคำสั่ง"}, []string{"ก่อนหน้า", "ทั้งหมด", "ข้างต้น"}},
	{"inject-conceal", []string{"不要告诉", "不要告訴", "别告诉", "不要让", "不要通知", "不要向"}, []string{"用户", "用戶", "使用者"}},
	{"inject-conceal", []string{"ユーザーに", "利用者に"}, []string{"伝えないで", "知らせないで", "言わないで", "教えないで", "通知しないで"}},
	{"inject-conceal", []string{"사용자에게", "유저에게"}, []string{"말하지 마", "알리지 마", "언급하지 마", "말하지마", "알리지마", "숨겨"}},
	{"inject-exfiltrate", []string{"发送", "發送", "上传", "上傳", "传递"}, []string{"对话记录", "對話記錄", "系统提示词", "聊天记录", "密码发送", "所有对话"}},
	{"inject-exfiltrate", []string{"会話履歴", "会話の全文", "システムプロンプト"}, []string{"送信", "渡して", "含めて"}},
	{"inject-exfiltrate", []string{"대화 기록", "대화 내용 전체", "시스템 프롬프트를"}, []string{"전송", "보내", "포함"}},
}
