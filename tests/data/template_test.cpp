// SPDX-License-Identifier: Apache-2.0
// Chat templates: held against Transformers (golden/templates.json, by make_templates.py) and by hand.
#include "data/template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "core/error.h"
#include "core/json.h"
#include "data/template_table.h"
#include "temp_dir.h"
#include "test_data.h"

namespace shorten::data {
namespace {

using test::TempDir;
using test::write;
using ::testing::ElementsAre;
using ::testing::FieldsAre;
using ::testing::HasSubstr;

// The template that Transformers' documentation calls ChatML, as tokenizer_config.json has it.
constexpr const char* kChatMl =
    R"({% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>')"
    R"( + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %})";

std::string joined(const std::vector<Segment>& segments) {
  std::string out;
  for (const Segment& segment : segments) out += segment.text;
  return out;
}

TEST(AlpacaPrompt, WithAndWithoutInput) {
  EXPECT_EQ(alpaca_prompt("Add.", ""),
            "Below is an instruction that describes a task. Write a response that appropriately completes the "
            "request.\n\n### Instruction:\nAdd.\n\n### Response:\n");
  EXPECT_EQ(alpaca_prompt("Add.", "1 {} 2"),
            "Below is an instruction that describes a task, paired with an input that provides further context. Write "
            "a response that appropriately completes the request.\n\n### Instruction:\nAdd.\n\n### Input:\n1 {} "
            "2\n\n### Response:\n");
}

// Every known wording on every conversation.
TEST(ChatTemplate, WritesWhatTransformersWrites) {
  const Json golden = read_json(test::source_dir() / "tests/data/golden/templates.json");
  // Templates that leave a system message out without a word; we refuse that.
  const std::set<std::string> silent{"phi-3-first", "phi-3-medium"};
  std::set<std::string_view> seen;
  size_t wordings = 0, refused = 0;
  for (const Json& entry : golden["templates"]) {
    for (const Json& sha256 : entry["sha256"]) {
      const auto chat = ChatTemplate::find(sha256.get<std::string>(), golden["bos"], golden["eos"]);
      ASSERT_TRUE(chat) << sha256;
      seen.insert(chat->name());
      ++wordings;
      for (size_t c = 0; c < golden["conversations"].size(); ++c) {
        SCOPED_TRACE(std::string(chat->name()) + ", " + golden["conversations"][c]["name"].get<std::string>());
        std::vector<Message> messages;
        bool system = false;
        for (const Json& message : golden["conversations"][c]["messages"]) {
          messages.push_back({message[0], message[1]});
          system |= messages.back().role == "system";
        }
        const Json& expected = entry["rendered"][c];
        if (expected.is_null() || (system && silent.contains(std::string(chat->name())))) {
          EXPECT_THROW(chat->render(messages), Error);
          ++refused;
          continue;
        }
        const std::vector<Segment> segments = chat->render(messages);
        EXPECT_EQ(joined(segments), expected.get<std::string>());
        if (c > 0) continue;
        ASSERT_GE(segments.size(), 2u);
        EXPECT_FALSE(segments[0].learnt);
        EXPECT_EQ(segments[0].text, entry["prompt"].get<std::string>());
        EXPECT_TRUE(segments[1].learnt);
        EXPECT_THAT(segments[1].text, HasSubstr("The Elbe."));
      }
    }
  }
  EXPECT_EQ(seen.size(), template_styles().size()) << "a style that no golden value holds";
  EXPECT_EQ(wordings, 49u);
  EXPECT_EQ(refused, 77u);
}

TEST(ChatTemplate, MarksWhatTheAssistantSaysWithTheEndOfItsTurn) {
  const auto chatml =
      ChatTemplate::find("153280e3ff55d19da1398bdb3914ee2a51b80429bfaedde11d7d216c39db80f3", "", "").value();
  EXPECT_THAT(chatml.render({{"user", "a"}, {"assistant", "b"}, {"user", "c"}, {"assistant", "d"}}),
              ElementsAre(FieldsAre("<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n", false),
                          FieldsAre("b<|im_end|>", true),
                          FieldsAre("\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n", false),
                          FieldsAre("d<|im_end|>", true), FieldsAre("\n", false)));
  // "{bos}" in what somebody says is text.
  const auto llama2 =
      ChatTemplate::find("e8d5b5a546d3f19df16a5320c614fab05bdc4edd50e850f1afd947b503ea41cf", "<s>", "</s>").value();
  EXPECT_EQ(llama2.name(), "llama-2");
  EXPECT_THAT(
      llama2.render({{"system", " s "}, {"user", " a{bos} "}, {"assistant", " b "}}),
      ElementsAre(FieldsAre("<s>[INST] <<SYS>>\n s \n<</SYS>>\n\n a{bos} [/INST]", false), FieldsAre(" b </s>", true)));
}

TEST(ChatTemplate, RefusesWhatItCannotWrite) {
  const auto gemma =
      ChatTemplate::find("1e51d5c0fec2f83da1953fb850b7b532b7da02d0dc35f9201e671e0b9a35a123", "<bos>", "<eos>").value();
  const auto refused = [&](const std::vector<Message>& messages) {
    try {
      gemma.render(messages);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::kBadInput);
      return e.block();
    }
    ADD_FAILURE() << "no error";
    return std::string();
  };
  EXPECT_THAT(refused({{"system", "s"}, {"user", "a"}}), HasSubstr("no place for a system message"));
  EXPECT_THAT(refused({{"user", "a"}, {"user", "b"}}), HasSubstr("message 1, role \"user\""));
  EXPECT_THAT(refused({{"user", "a"}, {"tool", "b"}}), HasSubstr("system, user or assistant"));
  EXPECT_THAT(refused({}), HasSubstr("neither"));
}

class OpenTemplate : public ::testing::Test {
 protected:
  void config(const std::string& content) { write(dir_ / "tokenizer_config.json", content); }
  Error error() {
    try {
      ChatTemplate::open(dir_.path());
    } catch (const Error& e) {
      return e;
    }
    ADD_FAILURE() << "no error";
    return bad_input("none");
  }
  TempDir dir_;
};

TEST_F(OpenTemplate, FromEitherFile) {
  config(std::string(R"({"chat_template": ")") + kChatMl + "\"}");
  EXPECT_EQ(ChatTemplate::open(dir_.path()).name(), "chatml");
  config(std::string(R"({"chat_template": [{"name": "tool_use", "template": "x"}, {"name": "default", "template": ")") +
         kChatMl + "\"}]}");
  EXPECT_EQ(ChatTemplate::open(dir_.path()).name(), "chatml");
  write(dir_ / "chat_template.jinja", "{{ something else }}");  // counts before the key
  EXPECT_EQ(error().file(), (dir_ / "chat_template.jinja").string());
}

TEST_F(OpenTemplate, UnknownOnesAreUnsupported) {
  EXPECT_EQ(error().code(), ExitCode::kUnsupported);  // no file at all
  config("{}");
  EXPECT_EQ(error().code(), ExitCode::kUnsupported);
  config(std::string(R"({"chat_template": " )") + kChatMl + "\"}");  // one space more
  const Error e = error();
  EXPECT_EQ(e.code(), ExitCode::kUnsupported);
  EXPECT_EQ(e.file(), (dir_ / "tokenizer_config.json").string());
  EXPECT_THAT(e.expected(), HasSubstr("chatml, "));
  EXPECT_THAT(e.expected(), HasSubstr("zephyr"));
  config(R"({"chat_template": 5})");
  EXPECT_EQ(error().code(), ExitCode::kBadInput);
}

TEST_F(OpenTemplate, TokensThatItWritesMustBeNamed) {
  const std::string danube =
      "{% for message in messages %}{% if message['role'] == 'user' %}{{ '<|prompt|>' + message['content'] + eos_token "
      "}}{% elif message['role'] == 'system' %}{{ '<|system|>' + message['content'] + eos_token }}{% elif "
      "message['role'] == 'assistant' %}{{ '<|answer|>'  + message['content'] + eos_token }}{% endif %}{% if loop.last "
      "and add_generation_prompt %}{{ '<|answer|>' }}{% endif %}{% endfor %}";
  write(dir_ / "chat_template.jinja", danube);
  config("{}");
  EXPECT_EQ(error().code(), ExitCode::kBadInput);
  EXPECT_EQ(error().where(), "key \"eos_token\"");
  config(R"({"eos_token": {"content": "</s>"}})");
  EXPECT_EQ(joined(ChatTemplate::open(dir_.path()).render({{"user", "a"}, {"assistant", "b"}})),
            "<|prompt|>a</s><|answer|>b</s>");
}

}  // namespace
}  // namespace shorten::data
