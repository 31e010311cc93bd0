"""The rules of rewording by language: (what is said, what may be said instead, what that is called).

Patterns begin where a word begins and ignore case; ``_E`` ends one where a word ends. The capital of a sentence's first
word is kept by whoever applies them. What is left out here is left out for a reason: most long-winded phrases have a
short form that is wrong in one sentence of ten.
"""

from __future__ import annotations

from collections.abc import Mapping

Rules = tuple[tuple[str, str, str], ...]

_E = r"(?!\w)"
#: Where a sentence begins, and where one begins or something after a comma does.
_START, _CLAUSE = r"(?<![\w,;:]\s)", r"(?<!\w\s)"
#: Where a clause ends, and where it does not: nothing is contracted before a pause ("yes, it is").
_CLOSE, _ON = r"(?=\s*(?:[.,;:!?…]|$))", r"(?=\s+\w)"
_NAME = r"(?=\s+(?-i:[A-ZÁÉÍÓÚÀÈÂÊÔÄÖÜÑ])\w)"
_CONTRACTION, _WORDY, _FILLER, _PRONOUN, _PLAIN, _FULL = (
    "contraction", "fewer words", "filler left out", "pronoun left out", "plainer word", "written out")
_FULLER, _PRONOUN_SAID, _LINKED = "fuller phrase", "pronoun said", "linked"

#: "I know where he is now" keeps its full form.
_FREE = "".join(f"(?<!{word} )" for word in ("what", "where", "how", "who", "as", "than"))
#: After "have" these make a perfect tense, so that it may be contracted.
_PERFECT = (r"(?=\s+(?:not\s+|never\s+|just\s+|already\s+|always\s+|also\s+|only\s+)?"
            r"(?:been|had|seen|gone|done|made|got|come|known|taken|given|heard|found|said|told|lost|left|met|read|"
            r"\w{3,}ed)(?!\w))")
_BARE = r"(?=\s+(?:like|love|rather|prefer|be|go|do|have|say|think|want|never|need|help|give|take)(?!\w))"
_SAYING = r"think|thinks|thought|know|knew|hope|hopes|believe|believes|suppose|guess|said"
_SUBJECTS = r"I|you|he|she|it|we|they|there"

_ENGLISH_SHORTER: Rules = (
    (rf"{_FREE}I am{_ON}", "I'm", _CONTRACTION),
    (rf"{_FREE}(you|we|they) are{_ON}", r"\1're", _CONTRACTION),
    (rf"{_FREE}(he|she|it|that|there|here|what|who|where) is{_ON}(?!\s+not{_E}|\s+to\s+be{_E})"
     r"(?!\s+(?:it|he|she|that|this|there)\s*[.,?!])", r"\1's", _CONTRACTION),
    (rf"(I|you|he|she|it|we|they|that|there) will{_ON}(?!\s+not{_E})", r"\1'll", _CONTRACTION),
    (rf"(I|you|we|they) have{_PERFECT}", r"\1've", _CONTRACTION),
    (rf"(he|she|it) has{_PERFECT}", r"\1's", _CONTRACTION),
    (rf"(I|you|he|she|we|they) would{_BARE}", r"\1'd", _CONTRACTION),
    (rf"(do|does|did|is|are|was|were|have|has|had|would|could|should|must) not{_E}", r"\1n't", _CONTRACTION),
    (rf"(?:cannot|can not){_E}", "can't", _CONTRACTION),
    (rf"will not{_E}", "won't", _CONTRACTION),
    (rf"my name is{_NAME}", "I'm", _WORDY),
    (rf"(?:in order|so as) to{_E}", "to", _WORDY),
    (rf"(?:due to|because of|in view of) the fact that{_E}", "because", _WORDY),
    (rf"despite the fact that{_E}", "although", _WORDY),
    (rf"in spite of{_E}", "despite", _WORDY),
    (rf"at (?:this|the present) (?:moment|point in time|time){_E}", "now", _WORDY),
    (rf"at the moment{_CLOSE}", "now", _WORDY),
    (rf"right now{_E}", "now", _WORDY),
    (rf"over (here|there){_E}", r"\1", _WORDY),
    (rf"a little bit{_E}", "a bit", _WORDY),
    (rf"(?:once again|one more time){_E}", "again", _WORDY),
    (rf"every single{_E}", "every", _WORDY),
    (rf"in the event that{_E}", "if", _WORDY),
    (rf"with (?:regard|respect) to{_E}", "about", _WORDY),
    (rf"prior to{_E}", "before", _WORDY),
    (rf"in the near future{_E}", "soon", _WORDY),
    (rf"each and every{_E}", "every", _WORDY),
    (rf"(?:a large number|a great number|a lot|lots|plenty) of(?=\s+people{_E})", "many", _WORDY),
    (rf"the majority of(?=\s+people{_E})", "most", _WORDY),
    (rf"(?:is|are|am) able to{_E}", "can", _WORDY),
    (rf"has the ability to{_E}", "can", _WORDY),
    (rf"close to(?=\s+(?:the|my|your|his|her|our|their|an?){_E})", "near", _WORDY),
    (rf"all of(?=\s+(?:the|my|your|his|her|our|their|this|these){_E})", "all", _WORDY),
    (rf"off of{_E}", "off", _WORDY),
    (rf"(?<!now )and then{_E}", "then", _WORDY),
    (rf"{_CLAUSE}thank you (?:very|so) much{_E}", "thank you", _WORDY),
    (rf"{_CLAUSE}thank you(?=\s*[.,!]|\s+for{_E}|$)", "thanks", _PLAIN),
    (rf"hello{_E}", "hi", _PLAIN),
    (rf"as well{_CLOSE}", "too", _PLAIN),
    (rf"approximately{_E}", "about", _PLAIN),
    (rf"immediately{_CLOSE}", "at once", _PLAIN),
    (rf"{_START}additionally,?{_E}", "also,", _PLAIN),
    (rf"{_START}however,", "but", _PLAIN),
    (rf"{_START}(?:therefore|for this reason|as a result),?{_E}", "so", _PLAIN),
    (rf"({_SAYING}|sure|glad|afraid) that(?=\s+(?:{_SUBJECTS}){_E})", r"\1", _WORDY),
    (rf"{_START}(?:well|you know|you see|I mean|actually|basically|frankly),\s*(?=\w)", "", _FILLER),
    (r"(?<!not )(?<!n't )(?:actually|basically|literally)\s+(?=\w)", "", _FILLER),
)

_ENGLISH_LONGER: Rules = (
    (rf"I['’]m{_E}", "I am", _FULL),
    (rf"(you|we|they)['’]re{_E}", r"\1 are", _FULL),
    (r"(he|she|it|that|there)['’]s(?=\s+(?:been|got|had|become)(?!\w))", r"\1 has", _FULL),
    (r"(he|she|it|that|there|here|what|who|where)['’]s(?=\s+(?:an?|the|not|my|your|his|her|our|their|very|so|too|in|on|"
     r"at|here|there|all|good|only|\w+ing)(?!\w))", r"\1 is", _FULL),
    (rf"(I|you|he|she|it|we|they)['’]ll{_E}", r"\1 will", _FULL),
    (rf"(I|you|we|they)['’]ve{_E}", r"\1 have", _FULL),
    (rf"(I|you|he|she|we|they)['’]d{_BARE}", r"\1 would", _FULL),
    # A question would put the "not" elsewhere.
    (rf"(?<=\s)(do|does|did|is|are|was|were|have|has|had|would|could|should)n['’]t(?!\s+(?:{_SUBJECTS}|the){_E})"
     rf"{_E}(?![^.!]*\?)", r"\1 not", _FULL),
    (rf"(?<=\s)can['’]t{_E}(?!\s+(?:{_SUBJECTS}){_E})(?![^.!]*\?)", "cannot", _FULL),
    (rf"(?<=\s)won['’]t{_E}(?!\s+(?:{_SUBJECTS}){_E})(?![^.!]*\?)", "will not", _FULL),
    (rf"let['’]s{_E}(?!\s+not{_E})", "let us", _FULL),
    (rf"gonna{_E}", "going to", _FULL),
    (rf"wanna{_E}", "want to", _FULL),
    (rf"(I|we) want to{_E}", r"\1 would like to", _FULLER),
    (rf"({_SAYING})(?=\s+(?:I|he|she|we|they)\s+\w)", r"\1 that", _FULLER),
    (rf"{_CLAUSE}thanks(?!\s+to{_E}){_E}", "thank you", _FULLER),
    (rf"{_CLAUSE}thank you{_CLOSE}", "thank you very much", _FULLER),
    (rf"hi{_E}", "hello", _FULLER),
    (rf"{_CLAUSE}bye{_E}(?!-)", "goodbye", _FULLER),
    (rf"near(?=\s+(?:the|my|your|his|her|our|their|an?){_E})", "close to", _FULLER),
    (rf"all(?=\s+(?:the|my|your|his|her|our|their|these|those){_E})"
     r"(?!\s+the\s+(?:more|better|same|way|time|best|while|rage))", "all of", _FULLER),
    (rf"despite{_E}", "in spite of", _FULLER),
    (r"(?<!by )(?<!until )(?<!till )(?<!for )(?<!even )(?<!just )(?<!right )now(?=[.!])", "right now", _FULLER),
    (r"about(?=\s+\d)", "approximately", _FULLER),
    (rf"(I|you|we|they) must(?!\s+(?:not|have|be){_E}){_E}", r"\1 have to", _FULLER),
    (rf"{_START}(?:then|afterwards),?(?=\s+(?:I|you|he|she|we|they|it){_E})", r"and \g<0>", _LINKED),
)

#: Verbs that say "I" by themselves; an ending alone does not tell: "solo", "como", "cuando" end in o, too.
_SPANISH_I = (r"soy|estoy|tengo|quiero|puedo|creo|pienso|vivo|necesito|voy|veo|hago|digo|sé|debo|conozco|trabajo|"
              r"siento|espero|entiendo|recuerdo|prefiero|hablo|llamo|miro|busco|salgo|vengo|pongo|doy|amo|odio|estudio|"
              r"juego")
_SPANISH_OTHERS = r"(?![^.!?]*(?<!\w)(?:tú|él|ella|usted|ellos|ellas|ustedes|vosotros|vosotras)(?!\w))"
_SPANISH_SHORTER: Rules = (
    (rf"yo (?=(?:(?:me|te|lo|la|le|les|se|nos|os) )?(?:{_SPANISH_I}){_E}){_SPANISH_OTHERS}", "", _PRONOUN),
    (rf"yo (?=(?:no|ya) (?:{_SPANISH_I}){_E}){_SPANISH_OTHERS}", "", _PRONOUN),
    (rf"nosotr[oa]s (?!mism|vamos)(?=(?:(?:nos|lo|la|los|las|te|le) )?\w{{2,}}mos{_E}){_SPANISH_OTHERS}", "", _PRONOUN),
    (rf"tú (?=(?:(?:me|te|lo|la|le) )?(?:eres|tienes|quieres|puedes|sabes|vas|estás|has|haces|dices|ves|crees){_E})"
     rf"(?![^.!?]*(?<!\w)(?:yo|él|ella){_E})", "", _PRONOUN),
    (rf"(?<!para )(?<!con )(?<!por )(?<!sin )(?<!de )(?<!en )(?<!a )usted "
     rf"(?=(?:no |ya )?(?:(?:me|lo|la|le|se|nos) )?(?:puede|quiere|tiene|sabe|va|está|es|ha|sea|debe|necesita|hace"
     rf"|dice|ve|cree|verá|podrá|tendrá){_E}){_SPANISH_OTHERS}(?![^.!?]*(?<!\w)yo(?!\w))", "", _PRONOUN),
    (rf"mi nombre es{_NAME}", "soy", _WORDY),
    (rf"me llamo{_NAME}", "soy", _WORDY),
    (rf"(?:con el (?:fin|objetivo|propósito) de|a fin de)(?=\s+\w+[aei]r(?:me|te|se|lo|la|nos)?{_E})", "para", _WORDY),
    (rf"debido al? (?:hecho de )?que{_E}", "porque", _WORDY),
    (rf"(?:en este momento|en estos momentos|actualmente|en la actualidad|ahora mismo){_E}", "ahora", _WORDY),
    (rf"a pesar de que{_E}", "aunque", _WORDY),
    (rf"{_START}(?:sin embargo|no obstante),?{_E}", "pero", _WORDY),
    (rf"{_START}por lo tanto,?{_E}", "así que", _WORDY),
    (rf"much(?:ísim)?as gracias{_E}", "gracias", _WORDY),
    (r"(?<!no )tengo que(?=\s+\w+[aei]r)", "debo", _WORDY),
    (r"(?<!no )tenemos que(?=\s+\w+[aei]r)", "debemos", _WORDY),
    (rf"(?:solamente|únicamente){_E}", "solo", _PLAIN),
    (rf"posteriormente{_E}", "después", _PLAIN),
    (rf"anteriormente{_E}", "antes", _PLAIN),
    (rf"inmediatamente{_CLOSE}", "enseguida", _PLAIN),
    (rf"rápidamente{_CLOSE}", "rápido", _PLAIN),
    (rf"{_CLAUSE}por supuesto{_E}", "claro", _PLAIN),
    (rf"se encuentra en{_E}", "está en", _PLAIN),
    (rf"se encuentran en{_E}", "están en", _PLAIN),
    (rf"lo que (?:pasa|ocurre|sucede) es que{_E}", "es que", _WORDY),
    (rf"{_START}(?:bueno|pues|o sea|mira|oye),\s*(?=[\w¿¡])", "", _FILLER),
    (r"(?:básicamente|literalmente)\s+(?=\w)", "", _FILLER),
)

_SPANISH_LONGER: Rules = (
    (r"(?<!hasta )(?<!por )(?<!desde )ahora(?=[.!])", "ahora mismo", _FULLER),
    (rf"aunque{_E}", "a pesar de que", _FULLER),
    (rf"{_CLAUSE}gracias(?!\s+a{_E}){_E}", "muchas gracias", _FULLER),
    (rf"sólo{_E}", "solamente", _FULLER),
    (rf"(?<!no )debo(?=\s+\w+[aei]r{_E})", "tengo que", _FULLER),
    (rf"(?<!no )debemos(?=\s+\w+[aei]r{_E})", "tenemos que", _FULLER),
    (rf"{_CLAUSE}claro(?=[.,!])", "por supuesto", _FULLER),
    (rf"{_START}(?:después|luego|entonces)(?=,?\s+\w)", r"y \g<0>", _LINKED),
    (rf"{_START}(?<!¿)(?:{_SPANISH_I})(?=\s)(?<!trabajo)(?<!estudio)(?<!juego)(?<!odio)", r"yo \g<0>", _PRONOUN_SAID),
    (rf"(?<=\w y )(?:{_SPANISH_I})(?=\s)(?<!trabajo)(?<!estudio)(?<!juego)(?<!odio)", r"yo \g<0>", _PRONOUN_SAID),
)

_ITALIAN_I = (r"ho|vado|faccio|so|sto|voglio|posso|devo|credo|penso|vivo|lavoro|amo|abito|vedo|dico|spero|sento|parlo|"
              r"capisco|conosco")
_ITALIAN_SHORTER: Rules = (
    (rf"io (?=(?:(?:mi|ti|lo|la|gli|le|ci|vi|ne|non) )?(?:{_ITALIAN_I}|sono){_E})"
     rf"(?![^.!?]*(?<!\w)(?:tu|lui|lei|loro|voi){_E})", "", _PRONOUN),
    (rf"noi (?=(?:(?:ci|vi|lo|la|li|le) )?\w{{2,}}iamo{_E})(?![^.!?]*(?<!\w)(?:tu|lui|lei|loro|voi){_E})", "",
     _PRONOUN),
    (rf"il mio nome è{_NAME}", "sono", _WORDY),
    (rf"mi chiamo{_NAME}", "sono", _WORDY),
    (rf"(?:al fine di|allo scopo di)(?=\s+\w+re{_E})", "per", _WORDY),
    (rf"(?:a causa del|dovuto al|per il) fatto che{_E}", "perché", _WORDY),
    (rf"(?:in questo momento|attualmente|al momento){_E}", "ora", _WORDY),
    (rf"{_START}(?:tuttavia|ciononostante),?{_E}", "ma", _WORDY),
    (rf"(?:molte|tante) grazie{_E}", "grazie", _WORDY),
    (rf"(?:solamente|soltanto|unicamente){_E}", "solo", _PLAIN),
    (rf"successivamente{_E}", "poi", _PLAIN),
    (rf"immediatamente{_E}", "subito", _PLAIN),
    (rf"precedentemente{_E}", "prima", _PLAIN),
    (rf"si trova(?=\s+(?:a|in|nel|nella|al|alla){_E})", "è", _PLAIN),
    (rf"{_START}(?:beh|allora|insomma|cioè|ecco|senti),\s*(?=\w)", "", _FILLER),
)

_ITALIAN_LONGER: Rules = (
    (r"(?<!per )(?<!da )(?<!fino ad )adesso(?=[.!])", "proprio adesso", _FULLER),
    (rf"{_CLAUSE}grazie{_CLOSE}", "molte grazie", _FULLER),
    (r"subito(?=[.!])", "immediatamente", _FULLER),
    (rf"{_START}poi(?=,?\s+\w)", r"e \g<0>", _LINKED),
    (rf"{_START}(?:{_ITALIAN_I})(?=\s)(?<!lavoro)(?<!amo)", r"io \g<0>", _PRONOUN_SAID),
)

_PORTUGUESE_I = (r"estou|vou|dou|tenho|sei|quero|posso|acho|penso|vivo|moro|faço|vejo|digo|creio|preciso|gosto|sinto|"
                 r"espero|entendo|conheço|prefiro|falo")
_PORTUGUESE_OTHERS = rf"(?![^.!?]*(?<!\w)(?:tu|você|ele|ela|eles|elas|vocês){_E})"
_PORTUGUESE_SHORTER: Rules = (
    (rf"eu (?=(?:(?:me|te|o|a|lhe|não) )?(?:{_PORTUGUESE_I}|sou){_E}){_PORTUGUESE_OTHERS}", "",
     _PRONOUN),
    (rf"nós (?!mesm)(?=(?:(?:nos|o|a|os|as) )?\w{{2,}}mos{_E}){_PORTUGUESE_OTHERS}", "", _PRONOUN),
    (rf"(?:o )?meu nome é{_NAME}", "sou", _WORDY),
    (rf"(?:a fim de|com o objetivo de|com o intuito de)(?=\s+\w+r{_E})", "para", _WORDY),
    (rf"devido ao fato de que{_E}", "porque", _WORDY),
    (rf"(?:neste momento|atualmente|no momento){_E}", "agora", _WORDY),
    (rf"{_START}(?:no entanto|entretanto|contudo),?{_E}", "mas", _WORDY),
    (rf"muito obrigad([oa]){_E}", r"obrigad\1", _WORDY),
    (rf"(?:somente|apenas|unicamente){_E}", "só", _PLAIN),
    (rf"posteriormente{_E}", "depois", _PLAIN),
    (rf"anteriormente{_E}", "antes", _PLAIN),
    (rf"(?<!não )tenho (?:que|de)(?=\s+\w+r{_E})", "devo", _WORDY),
    (rf"{_START}(?:bem|bom|pois|ou seja|olha),\s*(?=\w)", "", _FILLER),
    (r"(?:basicamente|literalmente)\s+(?=\w)", "", _FILLER),
)

_PORTUGUESE_LONGER: Rules = (
    (r"(?<!até )(?<!por )(?<!de )agora(?=[.!])", "agora mesmo", _FULLER),
    (rf"{_CLAUSE}obrigad([oa]){_CLOSE}", r"muito obrigad\1", _FULLER),
    (rf"só(?=\s+\w)(?!\s+que{_E})", "somente", _FULLER),
    (rf"(?<!não )devo(?=\s+\w+r{_E})", "tenho que", _FULLER),
    (rf"{_START}(?:depois|então)(?=,?\s+\w)", r"e \g<0>", _LINKED),
    (rf"{_START}(?:{_PORTUGUESE_I}|sou)(?=\s)", r"eu \g<0>", _PRONOUN_SAID),
)

_FRENCH_SHORTER: Rules = (
    (rf"mon nom est{_NAME}", "je suis", _WORDY),
    (rf"(?:afin de|dans le but de|en vue de){_E}", "pour", _WORDY),
    (rf"en raison du fait que{_E}", "parce que", _WORDY),
    (rf"étant donné que{_E}", "comme", _WORDY),
    (rf"(?:actuellement|à l['’]heure actuelle){_E}", "maintenant", _WORDY),
    (rf"{_START}(?:cependant|toutefois|néanmoins),?{_E}", "mais", _WORDY),
    (rf"{_START}par conséquent,?{_E}", "donc", _WORDY),
    (rf"merci (?:beaucoup|bien|infiniment){_E}", "merci", _WORDY),
    (rf"(?<!nous )nous allons(?=\s+\w+(?:er|ir|re){_E})", "on va", _PLAIN),
    (rf"immédiatement{_CLOSE}", "tout de suite", _PLAIN),
    (rf"ultérieurement{_E}", "plus tard", _PLAIN),
    (rf"auparavant{_E}", "avant", _PLAIN),
    (rf"se trouve(?=\s+(?:à|au|en|dans|sur){_E})", "est", _PLAIN),
    (rf"{_START}(?:eh bien|bon|ben|alors|en fait|à vrai dire|écoute|tu sais|vous savez),\s*(?=\w)", "", _FILLER),
)

_FRENCH_LONGER: Rules = (
    (rf"{_CLAUSE}merci{_CLOSE}", "merci beaucoup", _FULLER),
    (rf"on va(?=\s+\w+(?:er|ir|re){_E})", "nous allons", _FULLER),
    (rf"{_START}(?:puis|après|ensuite)(?=,?\s+\w)", r"et \g<0>", _LINKED),
)

_GERMAN_SHORTER: Rules = (
    (rf"mein Name ist{_NAME}", "ich bin", _WORDY),
    (rf"ich heiße{_NAME}", "ich bin", _WORDY),
    (rf"(?:auf Grund|aufgrund) der Tatsache, dass{_E}", "weil", _WORDY),
    (rf"(?:zum jetzigen Zeitpunkt|im Moment|im Augenblick|gegenwärtig|derzeit|momentan){_E}", "jetzt", _WORDY),
    (rf"(?:vielen Dank|danke schön|danke sehr|herzlichen Dank){_E}", "danke", _WORDY),
    (rf"(?:lediglich|ausschließlich){_E}", "nur", _PLAIN),
    (rf"unverzüglich{_E}", "sofort", _PLAIN),
    (rf"anschließend{_E}", "dann", _PLAIN),
    (r"ungefähr(?=\s+\d)", "etwa", _PLAIN),
    (rf"wie geht es{_E}", "wie geht's", _CONTRACTION),
    (rf"ich habe{_ON}", "ich hab", _CONTRACTION),
    (r"(?<!, )in das(?=\s+(?-i:[A-ZÄÖÜ]))", "ins", _CONTRACTION),
    (r"(?<!, )an das(?=\s+(?-i:[A-ZÄÖÜ]))", "ans", _CONTRACTION),
    (rf"{_START}(?:nun|also|na ja|naja|tja|ehrlich gesagt|weißt du|wissen Sie),\s*(?=\w)", "", _FILLER),
    (r"(?<=\w )(?:sozusagen|gewissermaßen)\s+(?=\w)", "", _FILLER),
)

_GERMAN_LONGER: Rules = (
    (rf"{_CLAUSE}danke(?=[.,!]|$)", "vielen Dank", _FULLER),
    (r"(?<!bis )(?<!für )(?<!von )(?<!ab )jetzt(?=[.!])", "in diesem Moment", _FULLER),
    (rf"ich hab{_E}", "ich habe", _FULL),
    (rf"wie geht['’]s{_E}", "wie geht es", _FULL),
    (r"ins(?=\s+(?-i:[A-ZÄÖÜ]))", "in das", _FULL),
    (r"etwa(?=\s+\d)", "ungefähr", _FULLER),
    (rf"{_START}dann(?=\s+\w)", r"und \g<0>", _LINKED),
)

SHORTER: Mapping[str, Rules] = {"en": _ENGLISH_SHORTER, "es": _SPANISH_SHORTER, "it": _ITALIAN_SHORTER,
                                "pt": _PORTUGUESE_SHORTER, "fr": _FRENCH_SHORTER, "de": _GERMAN_SHORTER}
LONGER: Mapping[str, Rules] = {"en": _ENGLISH_LONGER, "es": _SPANISH_LONGER, "it": _ITALIAN_LONGER,
                               "pt": _PORTUGUESE_LONGER, "fr": _FRENCH_LONGER, "de": _GERMAN_LONGER}
