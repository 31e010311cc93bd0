"""Words of the report's page, by language."""

from __future__ import annotations

WORDS: dict[str, dict[str, str]] = {
    "en": {"title": "Quality control", "findings": "Findings", "dismissed": "Dismissed", "severity": "Severity",
           "where": "Where", "check": "Check", "message": "What was found", "whole": "the whole dub",
           "errors": "errors", "warnings": "warnings", "infos": "notes", "error": "error", "warning": "warning",
           "info": "note", "measured": "Measured", "skipped": "Not checked", "nothing": "Nothing was found.",
           "never": "Quality control was not run yet: dub the language first.",
           "stale": "Lines, takes or terms were changed since this report was made. Dub again to renew it."},
    "es": {"title": "Control de calidad", "findings": "Hallazgos", "dismissed": "Descartados", "severity": "Gravedad",
           "where": "Dónde", "check": "Comprobación", "message": "Qué se encontró", "whole": "todo el doblaje",
           "errors": "errores", "warnings": "avisos", "infos": "notas", "error": "error", "warning": "aviso",
           "info": "nota", "measured": "Medido", "skipped": "Sin comprobar", "nothing": "No se encontró nada.",
           "never": "El control de calidad aún no se ha ejecutado: doble primero el idioma.",
           "stale": "Se han cambiado líneas, tomas o términos desde este informe. Doble de nuevo para renovarlo."},
}

CHECK_WORDS: dict[str, dict[str, str]] = {
    "en": {"no_translation": "Missing translation", "no_take": "Missing take", "old_take": "Outdated take",
           "not_heard": "Line not heard", "word_errors": "Wrong words", "said_twice": "Said twice",
           "repeated_text": "Repeated text", "numbers": "Numbers", "names": "Names", "untranslated": "Untranslated",
           "glossary": "Glossary", "forbidden": "Forbidden word", "fit": "Pace", "onset": "Start", "overlap": "Overlap",
           "silence": "Silence", "left_over": "Original heard",
           "voice_drift": "Voice drift", "other_voice": "Other voice", "clipping": "Clipping",
           "loudness": "Loudness", "true_peak": "True peak", "reading_speed": "Reading speed",
           "subtitle_length": "Subtitle too wide", "subtitle_lines": "Subtitle lines",
           "subtitle_duration": "Subtitle time", "subtitle_gap": "Subtitle gap", "lip_sync": "Lip-sync"},
    "es": {"no_translation": "Falta la traducción", "no_take": "Falta la toma", "old_take": "Toma anticuada",
           "not_heard": "Línea que no se oye", "word_errors": "Palabras erróneas", "said_twice": "Dicha dos veces",
           "repeated_text": "Texto repetido", "numbers": "Números", "names": "Nombres", "untranslated": "Sin traducir",
           "glossary": "Glosario", "forbidden": "Palabra prohibida", "fit": "Ritmo", "onset": "Comienzo",
           "overlap": "Solapamiento", "silence": "Silencio", "left_over": "Se oye el original",
           "voice_drift": "Voz cambiante",
           "other_voice": "Otra voz", "clipping": "Saturación", "loudness": "Sonoridad", "true_peak": "Pico real",
           "reading_speed": "Velocidad de lectura", "subtitle_length": "Subtítulo demasiado ancho",
           "subtitle_lines": "Líneas del subtítulo", "subtitle_duration": "Tiempo del subtítulo",
           "subtitle_gap": "Hueco entre subtítulos", "lip_sync": "Sincronía labial"},
}

#: Figures in the order in which they are shown, each with its unit.
FIGURE_WORDS: dict[str, dict[str, tuple[str, str]]] = {
    "en": {"lines": ("lines", ""), "in_window": ("lines at a natural pace", "%"),
           "word_error_rate": ("words heard otherwise", "%"), "onset_ms": ("start, median error", "ms"),
           "silent_ms": ("silent while the original speaks", "ms"),
           "voice_likeness": ("likeness within speakers", ""), "integrated": ("integrated loudness", "LUFS"),
           "dialogue": ("dialogue loudness", "LUFS"), "true_peak": ("true peak", "dBTP"),
           "loudness_range": ("loudness range", "LU"), "preset": ("loudness preset", ""),
           "lip_sync_closure_hits": ("lips shut on p, b, m", "%"), "lip_sync_opening_r": ("mouth follows speech", ""),
           "lip_sync_opening_lag_ms": ("lag of the mouth", "ms")},
    "es": {"lines": ("líneas", ""), "in_window": ("líneas a ritmo natural", "%"),
           "word_error_rate": ("palabras oídas de otro modo", "%"), "onset_ms": ("comienzo, error mediano", "ms"),
           "silent_ms": ("en silencio mientras habla el original", "ms"),
           "voice_likeness": ("parecido dentro del hablante", ""), "integrated": ("sonoridad integrada", "LUFS"),
           "dialogue": ("sonoridad del diálogo", "LUFS"), "true_peak": ("pico real", "dBTP"),
           "loudness_range": ("rango de sonoridad", "LU"), "preset": ("norma de sonoridad", ""),
           "lip_sync_closure_hits": ("labios cerrados en p, b, m", "%"),
           "lip_sync_opening_r": ("la boca sigue el habla", ""),
           "lip_sync_opening_lag_ms": ("retraso de la boca", "ms")},
}
