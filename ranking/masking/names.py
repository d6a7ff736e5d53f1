"""Names of chatbots, and the phrases by which they introduce themselves in several languages.

All of these are regular expressions over text in lower case.
"""

# Names that mean a product or its maker wherever they stand. What is also something else (Gemini the
# telescope, a llama, the mistral, anthropic) is not here. A new name also needs its hint in HINTS.
EVERYWHERE = (
    r"chat[\s-]?gpt(?:[\s-]?(?:\d(?:\.\d)?o?|plus|pro|turbo))*",
    r"gpt[\s-]?\d(?:\.\d)?[a-z]?(?:[\s-](?:turbo|mini|nano|preview))*",
    r"gpt-oss",
    r"openai",
    r"claude[\s-](?:\d(?:[.-]\d)?|sonnet|opus|haiku|instant)(?:[\s-](?:sonnet|opus|haiku))?",
    r"google[\s-](?:gemini|bard|lamda)(?:[\s-](?:pro|ultra|flash|nano|advanced|\d\.\d))*",
    r"gemini[\s-](?:pro|ultra|flash|nano|advanced|\d\.\d)(?:[\s-](?:pro|ultra|flash))?",
    r"bing\s?chat",
    r"(?:microsoft|github)\s+copilot",
    r"deepseek(?:[\s-](?:v\d|r\d|chat|coder))?",
    r"qwen(?:[\d.]*\d)?(?:-\w+)*",
    r"(?:meta[\s-])?llama-?\d(?:\.\d)?(?:-\w+)*",
    r"meta[\s-](?:ai|llama)",
    r"tinyllama(?:-\w+)*",
    r"mistral[\s-](?:ai|7b|large|medium|small|nemo)(?:-\w+)*",
    r"mixtral(?:-\w+)*",
    r"gemma-?\d(?:-\w+)*",
    r"smollm\d?(?:-\w+)*",
    r"phi-\d(?:\.\d)?-(?:mini|small|medium|vision)(?:-\w+)*",
    r"(?:falcon|vicuna|pythia|bloomz?|mpt|dolly)-(?:v?\d)[\w.]*",
    r"stablelm(?:-\w+)*",
    r"open-?assistant",
    r"grok[\s-]\d",
    r"character\.ai",
    r"ernie\s+bot",
    r"chatglm\d?(?:-\w+)*",
    r"gigachat",
    r"yandexgpt",
)
EVERYWHERE_OTHER_SCRIPTS = (
    *(r"ت?شات\s*جي\s*بي\s*تي", r"[أا]وبن\s*[إا]يه?\s*[آا]ي", r"ديب\s*سيك"),
    *("文心一言", "通义千问", "讯飞星火", "智谱清言"),
)

# Names that mean one only where somebody says who they are.
WHERE_ONE_SAYS_WHO = (
    "claude", "anthropic", r"open\s+ai", "gemini", "bard", "lamda",
    r"google(?:\s+(?:ai|assistant|deepmind))?", "deepmind", "alphabet", r"meta(?:\s+platforms)?",
    "facebook", "llama", "microsoft", "copilot", "cortana", "siri", "alexa",
    r"amazon\s+(?:alexa|nova|q)", "mistral", "gemma", "grok", "xai", r"x\.ai", r"hugging\s?face",
    "cohere", r"alibaba(?:\s+cloud)?", "baidu", "tencent", "bytedance", "moonshot", "kimi", "zhipu",
    "yandex", "perplexity", r"stability\s+ai", r"eleuther\s?ai", "bigscience", "databricks",
    "vicuna", "alpaca", "nvidia", "ibm", r"ai21(?:\s+labs)?",
    r"technology\s+innovation\s+institute", "كلود", "جيميني", "جيمناي", "أنثروبيك", "جوجل", "غوغل",
    "ميتا", "مايكروسوفت", "لاما",
)  # fmt: skip

# What the names above have in lower case, one of these or another.
HINTS = (
    "ai21", "alexa", "alibaba", "alpaca", "alphabet", "amazon", "anthropic", "baidu", "bard",
    "bigscience", "bing", "bloom", "bytedance", "character.ai", "chatglm", "claude", "cohere",
    "copilot", "cortana", "databricks", "deepmind", "deepseek", "dolly-", "eleuther", "ernie",
    "facebook", "falcon", "gemini", "gemma", "gigachat", "google", "gpt", "grok", "hugging", "ibm",
    "kimi", "lamda", "llama", "meta", "microsoft", "mistral", "mixtral", "moonshot", "mpt-",
    "nvidia", "open", "open-assistant", "openassistant", "perplexity", "phi-", "pythia", "qwen",
    "siri", "smollm", "stability", "stablelm", "technology", "tencent", "vicuna", "x.ai", "xai",
    "yandex", "zhipu", "أنثروبيك", "جوجل", "جيمناي", "جيميني", "ديب", "شات", "غوغل", "كلود", "لاما",
    "مايكروسوفت", "ميتا", "وبن", "文心", "智谱", "讯飞", "通义",
)  # fmt: skip

# (how one begins to say who one is, the words that may stand between that and the name)
WAYS = (
    (  # English
        r"i(?:\s+am|\s*['’]m)|i(?:\s+was|\s+have\s+been|['’]ve\s+been)|my\s+(?:full\s+)?name(?:\s+is|['’]s|\s*:)"
        r"|call\s+me|(?:talking|speaking|chatting)\s+(?:to|with)"
        r"|my\s+(?:creators?|developers?|makers?|trainers?)(?:\s+(?:is|are|at))?"
        r"|as\s+an?\s+(?:(?:large|virtual|digital|helpful|conversational)\s+)*"
        r"(?:ai|a\.i\.|artificial\s+intelligence|language\s+model|llm|assistant|chatbot)",
        r"an?|the|your|not|just|only|actually|really|called|named|known|as|large|multimodal|generative|language|virtual"
        r"|digital|conversational|friendly|helpful|ai|a\.i\.|artificial|intelligence|models?|llm|assistant|chatbot|bot"
        r"|system|program|tool|version|of|by|from|at|and|that|which|was|is|developed|created|trained|made|built"
        r"|designed|fine-?tuned|powered|provided|operated|based\s+on|part|family|team|researchers|engineers|company",
    ),
    (  # Spanish
        r"soy|me\s+llamo|mi\s+nombre\s+es|ll[aá]mame|puedes\s+llamarme|fui|he\s+sido|mis\s+creadores\s+son"
        r"|como\s+(?:una?\s+)?(?:ia|inteligencia\s+artificial|modelo\s+de\s+lenguaje|asistente|chatbot)",
        r"una?|el|la|los|tu|no|modelo|de|del|lenguaje|gran|grande|asistente|virtual|digital|inteligencia|artificial|ia"
        r"|chatbot|sistema|versi[oó]n|llamad[oa]|cread[oa]|desarrollad[oa]|entrenad[oa]|hech[oa]|diseñad[oa]|basad[oa]"
        r"|conversacional|en|por|y|que|fue|parte|equipo|empresa|investigadores",
    ),
    (  # French
        r"je\s+(?:ne\s+)?suis|je\s+m['’]appelle|mon\s+nom\s+est|j['’]ai\s+été|appelez?-moi|mes\s+créateurs\s+sont"
        r"|en\s+tant\s+qu(?:e|['’])",
        r"une?|le|la|les|l['’]|d['’]|du|de|des|votre|ton|pas|grand|modèle|langage|langue|linguistique|assistante?|ia"
        r"|virtuel(?:le)?|intelligence|artificielle|chatbot|robot|conversationnel(?:le)?|version|nommée?|appelée?"
        r"|créée?|développée?|entraînée?|conçue?|formée?|basée?|sur|par|chez|et|qui|équipe|société|entreprise",
    ),
    (  # Arabic
        r"[وف]?[أا]نا|[إا]?سمي|بصفتي|ك(?:نموذج|مساعد)|تم\s+(?:تطويري|تدريبي|[إا]نشائي|تصميمي)"
        r"|طو?ّ?رتني|[أا]نش[أا]تني|در?ّ?بتني|صم?ّ?متني|صنعتني",
        r"هو|لست|نموذج|لغوي|لغة|كبير|مساعد|ذكي|ذكاء|اصطناعي|بالذكاء|الذكاء|الاصطناعي|افتراضي|روبوت|دردشة|محادثة|من"
        r"|قبل|بواسطة|على|يد|في|تم|تطوير|[إا]نشاء|تدريب|تطويره|تدريبه|طورته|طوّرته|[أا]نش[أا]ته|شركة|فريق|يدعى|اسمه|و",
    ),
    (  # German
        r"ich\s+(?:bin|wurde|heiße|heisse)|mein\s+name\s+ist|nenn(?:en\s+sie)?\s+mich|als\s+(?:ki|sprachmodell)",
        r"eine?[mnrs]?|der|die|das|dem|den|nicht|gro(?:ß|ss)es|ki|sprachmodell|modell|ki-\w+|assistent(?:in)?|chatbot"
        r"|künstliche|intelligenz|virtuelle[rs]?|namens|genannt|von|bei|durch|und|entwickelte?[rs]?|erstellte?[rs]?"
        r"|trainierte?[rs]?|geschaffene?[rs]?|firma|unternehmen|team|basierend|auf",
    ),
    (  # Portuguese
        r"sou|me\s+chamo|meu\s+nome\s+é|fui|como\s+(?:uma?\s+)?(?:ia|inteligência\s+artificial|modelo\s+de\s+linguagem)",
        r"uma?|o|a|os|não|modelo|de|da|do|linguagem|grande|assistente|virtual|inteligência|artificial|ia|chatbot|que|foi"
        r"|chamad[oa]|criad[oa]|desenvolvid[oa]|treinad[oa]|feit[oa]|basead[oa]|em|por|pel[oa]|e|equipe|empresa",
    ),
    (  # Italian
        r"sono|mi\s+chiamo|il\s+mio\s+nome\s+è|come\s+(?:ia|intelligenza\s+artificiale|modello\s+linguistico)",
        r"una?|un['’]|il|la|lo|non|modello|linguistico|di|del|della|linguaggio|grande|assistente|virtuale|intelligenza"
        r"|artificiale|ia|ai|chatbot|chiamat[oa]|creat[oa]|sviluppat[oa]|addestrat[oa]|progettat[oa]|stat[oa]|da|dal|e|che",
    ),
)

# What follows a name by which it is that of who speaks.
AFTER = (
    r"\s+(?:has\s+|have\s+)?(?:created|trained|developed|made|built|designed)\s+me\b"
    r"|\s+me\s+(?:ha\s+)?(?:cre[óo]|cread[oa]|entren[óo]|entrenado|desarroll[óo]|desarrollado)\b"
    r"|\s+m['’]a\s+(?:créée?|entraînée?|développée?|conçue?)\b"
    r"|\s+hat\s+mich\s+(?:entwickelt|erstellt|trainiert|geschaffen)\b"
    r"|\s+here\s*[,.!:]"
    r"|,?\s+an?\s+(?:ai|large\s+language\s+model|language\s+model)\b"
)
