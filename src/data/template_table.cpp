// SPDX-License-Identifier: Apache-2.0
// tests/data/make_templates.py holds each of these against Transformers.
#include "data/template_table.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/check.h"

namespace shorten::data {
namespace {

constexpr TemplateStyle chatml(std::string_view name, std::optional<std::string_view> default_system) {
  return {.name = name,
          .user_before = "<|im_start|>user\n",
          .user_after = "<|im_end|>\n",
          .assistant_before = "<|im_start|>assistant\n",
          .close = "<|im_end|>",
          .assistant_after = "\n",
          .system_before = "<|im_start|>system\n",
          .system_after = "<|im_end|>\n",
          .default_system = default_system};
}

constexpr TemplateStyle llama3(std::string_view name, std::string_view end) {
  return {.name = name,
          .start = "{bos}",
          .user_before = "<|start_header_id|>user<|end_header_id|>\n\n",
          .user_after = "<|eot_id|>",
          .assistant_before = "<|start_header_id|>assistant<|end_header_id|>\n\n",
          .close = "<|eot_id|>",
          .end = end,
          .system_before = "<|start_header_id|>system<|end_header_id|>\n\n",
          .system_after = "<|eot_id|>",
          .trims = true};
}

constexpr TemplateStyle mistral(std::string_view name, std::string_view after) {
  return {.name = name,
          .start = "{bos}",
          .user_before = "[INST] ",
          .user_after = " [/INST]",
          .close = "{eos}",
          .assistant_after = after,
          .system = System::kNone,
          .alternates = true};
}

constexpr TemplateStyle gemma(std::string_view name, std::string_view start) {
  return {.name = name,
          .start = start,
          .user_before = "<start_of_turn>user\n",
          .user_after = "<end_of_turn>\n",
          .assistant_before = "<start_of_turn>model\n",
          .close = "<end_of_turn>",
          .assistant_after = "\n",
          .system = System::kNone,
          .trims = true,
          .alternates = true};
}

constexpr TemplateStyle phi3_first(std::string_view name, std::string_view start) {
  return {.name = name,
          .start = start,
          .user_before = "<|user|>\n",
          .user_after = "<|end|>\n<|assistant|>\n",
          .close = "<|end|>",
          .assistant_after = "\n",
          .system = System::kNone};
}

constexpr std::array kStyles{
    chatml("chatml", std::nullopt),
    chatml("chatml-qwen1.5", "You are a helpful assistant"),
    chatml("chatml-qwen2", "You are a helpful assistant."),
    chatml("chatml-qwen2.5", "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."),
    chatml("chatml-smollm2", "You are a helpful AI assistant named SmolLM, trained by Hugging Face"),
    TemplateStyle{.name = "llama-2",
                  .user_before = "{bos}[INST] ",
                  .user_after = " [/INST]",
                  .lead = " ",
                  .close = " {eos}",
                  .system = System::kInFirst,
                  .system_before = "<<SYS>>\n",
                  .system_after = "\n<</SYS>>\n\n",
                  .trims = true,
                  .alternates = true},
    llama3("llama-3", ""),
    llama3("llama-3-open", "<|start_header_id|>assistant<|end_header_id|>\n\n"),  // it asks for an answer always
    mistral("mistral-v0.1", " "),
    mistral("mistral-v0.2", ""),
    TemplateStyle{.name = "mistral-v1",
                  .start = "{bos}",
                  .user_before = " [INST] ",
                  .user_after = " [/INST]",
                  .lead = " ",
                  .close = "{eos}",
                  .system = System::kInFirst,
                  .system_after = "\n\n",
                  .alternates = true},
    TemplateStyle{.name = "zephyr",
                  .user_before = "<|user|>\n",
                  .user_after = "{eos}\n",
                  .assistant_before = "<|assistant|>\n",
                  .close = "{eos}",
                  .assistant_after = "\n",
                  .system_before = "<|system|>\n",
                  .system_after = "{eos}\n"},
    gemma("gemma", "{bos}"),
    gemma("gemma-no-bos", ""),
    phi3_first("phi-3-first", "{bos}"),
    phi3_first("phi-3-medium", ""),
    TemplateStyle{.name = "phi-3",
                  .user_before = "<|user|>\n",
                  .user_after = "<|end|>\n",
                  .assistant_before = "<|assistant|>\n",
                  .close = "<|end|>",
                  .assistant_after = "\n",
                  .end = "{eos}",
                  .system_before = "<|system|>\n",
                  .system_after = "<|end|>\n"},
    TemplateStyle{.name = "openchat",
                  .start = "{bos}",
                  .user_before = "GPT4 Correct User: ",
                  .user_after = "<|end_of_turn|>",
                  .assistant_before = "GPT4 Correct Assistant:",
                  .lead = " ",
                  .close = "<|end_of_turn|>",
                  .system_before = "GPT4 Correct System: ",
                  .system_after = "<|end_of_turn|>"},
    TemplateStyle{.name = "deepseek",
                  .start = "{bos}",
                  .user_before = "User: ",
                  .user_after = "\n\n",
                  .assistant_before = "Assistant:",
                  .lead = " ",
                  .close = "{eos}",
                  .system_after = "\n\n"},
    TemplateStyle{.name = "danube",
                  .user_before = "<|prompt|>",
                  .user_after = "{eos}",
                  .assistant_before = "<|answer|>",
                  .close = "{eos}",
                  .system_before = "<|system|>",
                  .system_after = "{eos}"},
    TemplateStyle{.name = "vicuna",
                  .start = "{bos}",
                  .user_before = "USER: ",
                  .user_after = "\n",
                  .assistant_before = "ASSISTANT:",
                  .lead = " ",
                  .close = "{eos}",
                  .assistant_after = "\n",
                  .system_after = "\n\n",
                  .trims = true,
                  .alternates = true},
    TemplateStyle{.name = "alpaca",
                  .start = "{bos}",
                  .user_before = "### Instruction:\n",
                  .user_after = "\n\n",
                  .assistant_before = "### Response:\n",
                  .close = "{eos}",
                  .assistant_after = "\n\n",
                  .system_after = "\n\n",
                  .trims = true,
                  .alternates = true},
};

// Each wording is here several times where that is possible: its line breaks inside strings as \n and as themselves (in
// tokenizer_config.json the difference is a backslash), a line break at its end there and not. Jinja gives the same.
constexpr std::pair<std::string_view, std::string_view> kKnown[] = {
    {"fcf7a096fe99a48fd9ad2b250bf9237e96e8f48bffec1c7ea4d3f225176cd40e", "chatml"},
    {"153280e3ff55d19da1398bdb3914ee2a51b80429bfaedde11d7d216c39db80f3", "chatml"},
    {"d7b5b8c7b58f7a6bf868aa46a5f73ee976d7292f40fcb9c3e7a1defd8d235cfb", "chatml"},
    {"58c1a1f04baa7adaeaba1f90267c3d57d9396f0c1f0129bdde9e76d3c6784af7", "chatml"},
    {"f0206845c9ebc3abb4735d44f286eb81ce99238ad2accc710c6fc60e6cb8ccc8", "chatml-qwen2"},
    {"793202280c0910ab26bc6eb57c8212c2417324c6d8c4efd0d10d59092ab3e3eb", "chatml-qwen2"},
    {"7c0cc400db493cfc546224cbd626ef46495c4b19103042eb5518f06bf7f1e26d", "chatml-qwen1.5"},
    {"af9c0233881b083b52ff773580215222b5440ac3d0beeeca99b76329b048f8db", "chatml-qwen1.5"},
    {"cd8e9439f0570856fd70470bf8889ebd8b5d1107207f67a5efb46e342330527f", "chatml-qwen2.5"},
    {"3a19070ffe8c408d38692fb9224fdcca36fce79ebc17006fb4d0f0a3717eb3be", "chatml-qwen2.5"},
    {"55b2f4a26ac9ee719330a61a0c39d9e538b0e9322212f048326318cff4f8674a", "chatml-qwen2.5"},
    {"a18cc698dd45623eb707279d08e66f7bb8d76afc89ead84016b88487b395b5cc", "chatml-qwen2.5"},
    {"253093d34c0032acc9072d1de32a51ca7660963b3ee2a9bad2d6e24d537dd6d4", "chatml-qwen2.5"},
    {"247672b53afe8d18a365753513f0daf50f7496499da38e6759571c079b874d0b", "chatml-qwen2.5"},
    {"de9cde7d1b0ca0cc87459a6673e0d12fb89c070bdb24e4a30b6e4d187b226221", "chatml-smollm2"},
    {"872be49dbb638044ad01b60388f48d469ff2980e5f0dccdc22ec907db54d0788", "chatml-smollm2"},
    {"e8d5b5a546d3f19df16a5320c614fab05bdc4edd50e850f1afd947b503ea41cf", "llama-2"},
    {"9780fae5bfea3cfd7be37d328c6edfd296a8869be8131495bbe7eb37e780c88c", "llama-2"},
    {"4f46ecd43418f216df8c26936c60e5d04bcc81db47db5d86fbe889f64212dd4c", "llama-3"},
    {"ba03a121d097859c7b5b9cd03af99aafe95275210d2876f642ad9929a150f122", "llama-3"},
    {"b75e17085cfc511ead6d4fab84b86ab3c168ec7a332568a91d0889cdcba94394", "llama-3-open"},
    {"b48c47f6443892716176eb200bf4ef108f64e06ca26ed0fa8ebc0a4b3992fcb2", "llama-3-open"},
    {"7e995b379ec01747807246483647cd99030abf331653f1119e16d7ac041a3495", "mistral-v0.1"},
    {"26a59556925c987317ce5291811ba3b7f32ec4c647c400c6cc7e3a9993007ba7", "mistral-v0.2"},
    {"6439f642d4e619817cc31f7d857831db78e40ec1b55500e84957d1e428169ed2", "mistral-v0.2"},
    {"796853172235ab3aaa4810013ddfe2eab481bda3306dad4f700c00d436eed596", "mistral-v1"},
    {"b331048f5175d0503d49953299743dd93d34756f18b5c6af79ad82f3359fb48a", "mistral-v1"},
    {"bbc58aad99454df60138be9530c9601a0adfe3d8932cda975e1f10b2410ddc51", "mistral-v1"},
    {"1c6594f8393552ef16bbf3ddecb67d8258fb8d66339a1a092a8f8496061f02d3", "mistral-v1"},
    {"4f39e3a4b9e3d369b42fd00d93a78f171914bb4e58ec84fc420433d7a153288a", "zephyr"},
    {"66291cf0045c2425a3a667cf3cbb7af2b11f09e025c02f97245323ab79119362", "zephyr"},
    {"1e51d5c0fec2f83da1953fb850b7b532b7da02d0dc35f9201e671e0b9a35a123", "gemma"},
    {"ecd6ae513fe103f0eb62e8ab5bfa8d0fe45c1074fa398b089c93a7e70c15cfd6", "gemma"},
    {"3c050259279da4341947d5f012aadc5975af71c235e71ef7e520531aaec17a86", "gemma-no-bos"},
    {"3919b9309d8949ee8f4b710215987700f87dc5bb0e87bf24dd39189ec65e3eec", "gemma-no-bos"},
    {"4552eefd92474b5259a00e369ebb5989535118101ca9ddeff68c11e879bbb9dd", "phi-3-first"},
    {"268b6082ceb7176dc6ed80557a2f7837f9f0339592fbee677d405a553af15f88", "phi-3-first"},
    {"6b2fedcaff5489ce48d01fbbd17c7a46d4bf78001a5d05ec91d6067bf102e56f", "phi-3-medium"},
    {"605841622bcb6572225608f09ec2afcdfb9fb50844ef52715a12689f7b9278b1", "phi-3-medium"},
    {"5601fd7b9dac735cd1a9d029f73cbcf63a48f84b640df193dadc6ac6af980391", "phi-3"},
    {"dcaee66df77bfbb789ec541fe713218da30225a526f1db97138fc39ee6dc56aa", "phi-3"},
    {"901b10d47195fadb5692137ecd4b2733730be9d32fde6c6eae23e5153712525e", "openchat"},
    {"5b0c475e85b3954175a606f8e7540ec0c6a16edb516e2b8cd0c000dff7b1ad65", "deepseek"},
    {"8aeba567270fa9a8d5372caf4b04affea947c4421d96adc01e3ff94021b0ae8e", "deepseek"},
    {"030682a71799f58861b11abced478506e9d2b84bb0edd2cc3a3b669c32fb9132", "danube"},
    {"d1147ee0f10d9ea264efb2c67ba0e984c76041ea1ec46d94c3552dbf0cfd1091", "vicuna"},
    {"667c1ef9a94de921757bdeac49d4736082b046f193e6712d36abaf29a437d88f", "vicuna"},
    {"5ad8ab5b90448d5d2d6225cd49d25acc78c8113ab8e97969be6edffaa96c5120", "alpaca"},
    {"8368541fc91df091feb3bbf033cc456e0973d673c17f832776e7472ed3ad6e76", "alpaca"},
};

}  // namespace

std::span<const TemplateStyle> template_styles() { return kStyles; }

const TemplateStyle* find_style(std::string_view sha256) {
  const auto* known =
      std::find_if(std::begin(kKnown), std::end(kKnown), [&](const auto& k) { return k.first == sha256; });
  if (known == std::end(kKnown)) return nullptr;
  const auto* style =
      std::find_if(kStyles.begin(), kStyles.end(), [&](const TemplateStyle& s) { return s.name == known->second; });
  SHORTEN_CHECK(style != kStyles.end(), "a known template has a style");
  return style;
}

}  // namespace shorten::data
