# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/golden/templates.json: conversations as Transformers renders them by chat templates of models.

    python tests/data/make_templates.py FOLDER

FOLDER holds Jinja texts as models publish them, one a file, named after its SHA-256 (the files are not kept here: what
they write is a fact, their wording is the model makers'). src/data/template_table.cpp lists the known ones. A
conversation that a template refuses is null; "prompt" is the first one's question with the prompt for an answer. Needs transformers, jinja2.
"""
import hashlib
import json
import os
import sys

from transformers.utils.chat_template_utils import render_jinja_template

HERE = os.path.dirname(os.path.abspath(__file__))
CONVERSATIONS = {
    "one answer": [("user", "Name a river."), ("assistant", "The Elbe.")],
    "system": [("system", "Answer in one word."), ("user", "Name a river."), ("assistant", "Elbe")],
    "several turns": [("system", " Be brief. "), ("user", "  Who wrote\n'Emma'? "), ("assistant", "\tJane Austen \n"),
                      ("user", "And \u00a0Emil?\u2003"), ("assistant", " \u00a0Erich K\u00e4stner "),
                      ("user", "Thanks {bos} {eos}"), ("assistant", "You are welcome.")],
    "open end": [("user", "Hello"), ("assistant", "Hi"), ("user", "How are you?")],
    "system only later": [("user", "Hello"), ("system", "Be kind."), ("assistant", "Hi")],
    "assistant first": [("assistant", "What can I do?"), ("user", "Nothing.")],
    "user twice": [("user", "One."), ("user", "Two."), ("assistant", "Three.")],
    "empty answer": [("user", "Say nothing."), ("assistant", "")],
}


def main():
    templates = {}
    for name in sorted(os.listdir(sys.argv[1])):
        with open(os.path.join(sys.argv[1], name), encoding="utf-8", newline="") as file:
            jinja = file.read()
        assert hashlib.sha256(jinja.encode()).hexdigest() == name, name
        rendered = []
        for messages in CONVERSATIONS.values():
            messages = [{"role": role, "content": content} for role, content in messages]
            try:
                texts, _ = render_jinja_template(conversations=[messages], chat_template=jinja, bos_token="<BOS>",
                                                 eos_token="<EOS>", add_generation_prompt=False)
                rendered.append(texts[0])
            except Exception as error:  # the template's raise_exception
                assert "must alternate" in str(error) or "roles are supported" in str(error) \
                    or "not supported" in str(error), error
                rendered.append(None)
        prompt, _ = render_jinja_template(conversations=[[{"role": "user", "content": "Name a river."}]],
                                          chat_template=jinja, bos_token="<BOS>", eos_token="<EOS>",
                                          add_generation_prompt=True)
        templates[name] = {"prompt": prompt[0], "rendered": rendered}
    # Wordings that differ only in how they write line breaks give the same texts: each text is kept once.
    groups = {}
    for name, values in templates.items():
        groups.setdefault(json.dumps(values), []).append(name)
    out = {"bos": "<BOS>", "eos": "<EOS>",
           "conversations": [{"name": name, "messages": messages} for name, messages in CONVERSATIONS.items()],
           "templates": [{"sha256": names, **json.loads(values)} for values, names in groups.items()]}
    with open(os.path.join(HERE, "golden", "templates.json"), "w", encoding="utf-8") as file:
        json.dump(out, file, ensure_ascii=False, indent=1)
        file.write("\n")


main()
