// dohle completion bash|zsh|fish: the scripts are made by walking the tree of commands, so they know what it does.
#include <fmt/core.h>

#include <memory>

#include "tools/output.hpp"
#include "tools/program.hpp"

namespace dohle::tools {

namespace {

struct word {
  std::string text;
  std::string description;
};

/// A command with its path ("topic create"; empty for the program itself), the words that may follow, and its aliases.
struct node {
  std::string path;
  std::vector<std::string> names;  ///< full paths that lead here, aliases included
  std::vector<word> words;
};

void walk(const CLI::App& app, const std::string& path, std::vector<std::string> names, std::vector<node>& nodes) {
  node here{path, std::move(names), {}};
  auto below = app.get_subcommands([](const CLI::App*) { return true; });
  for (const auto* sub : below) here.words.push_back({sub->get_name(), sub->get_description()});
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) here.words.push_back({"--" + name, option->get_description()});
  }
  if (app.get_name() == "completion") {
    for (const char* shell : {"bash", "zsh", "fish"}) here.words.push_back({shell, "shell"});
  }
  auto own = here.names;
  nodes.push_back(std::move(here));
  for (const auto* sub : below) {
    std::vector<std::string> to;
    for (const auto& name : own) {
      to.push_back(name + "/" + sub->get_name());
      for (const auto& alias : sub->get_aliases()) to.push_back(name + "/" + alias);
    }
    walk(*sub, path + "/" + sub->get_name(), std::move(to), nodes);
  }
}

std::vector<node> tree(const CLI::App& app) {
  std::vector<node> nodes;
  walk(app, "", {""}, nodes);
  return nodes;
}

/// For single quotes of a POSIX shell.
std::string shell_quoted(std::string_view text) {
  std::string safe = "'";
  for (char c : text) {
    if (c == '\'') {
      safe += "'\\''";
    } else if (c != '\n') {
      safe += c;
    }
  }
  return safe + "'";
}

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "" : std::string{separator}) + part;
  return text;
}

/// `case` arms of a POSIX shell that take the path one word further.
std::string step_arms(const std::vector<node>& nodes, std::string_view indent) {
  std::string arms;
  for (const auto& n : nodes) {
    if (!n.path.empty()) arms += fmt::format("{}{}) where={} ;;\n", indent, joined(n.names, "|"), n.path);
  }
  return arms;
}

std::string bash(const std::vector<node>& nodes) {
  std::string arms;
  for (const auto& n : nodes) {
    std::vector<std::string> words;
    for (const auto& w : n.words) words.push_back(w.text);
    arms += fmt::format("    {}) offers={} ;;\n", n.path.empty() ? "''" : n.path, shell_quoted(joined(words, " ")));
  }
  return "# bash completion of dohle: source <(dohle completion bash)\n"
         "_dohle() {\n"
         "  local current=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\" where='' offers='' i\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    case \"$where/${COMP_WORDS[i]}\" in\n" +
         step_arms(nodes, "      ") +
         "    esac\n"
         "  done\n"
         "  case \"$previous\" in\n"
         "    --file|--config|--data) COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n"
         "  esac\n"
         "  case \"$where\" in\n" +
         arms +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$offers\" -- \"$current\"))\n"
         "}\n"
         "complete -o default -F _dohle dohle\n";
}

std::string zsh(const std::vector<node>& nodes) {
  std::string arms;
  for (const auto& n : nodes) {
    std::string words;
    for (const auto& w : n.words) words += " " + shell_quoted(w.text + ":" + w.description);
    arms += fmt::format("    {}) offers=({} ) ;;\n", n.path.empty() ? "''" : n.path, words);
  }
  return "#compdef dohle\n"
         "# zsh completion of dohle: source <(dohle completion zsh)\n"
         "_dohle() {\n"
         "  local where='' i\n"
         "  local -a offers\n"
         "  for ((i = 2; i < CURRENT; i++)); do\n"
         "    case \"$where/${words[i]}\" in\n" +
         step_arms(nodes, "      ") +
         "    esac\n"
         "  done\n"
         "  case \"${words[CURRENT-1]}\" in\n"
         "    --file|--config|--data) _files; return ;;\n"
         "  esac\n"
         "  case \"$where\" in\n" +
         arms +
         "  esac\n"
         "  _describe 'dohle' offers || _default\n"
         "}\n"
         "if (( $+functions[compdef] )); then compdef _dohle dohle; fi\n";
}

/// For single quotes of fish, which knows \' and \\ inside them.
std::string fish_quoted(std::string_view text) {
  std::string safe = "'";
  for (char c : text) {
    if (c == '\'' || c == '\\') safe += '\\';
    if (c != '\n') safe += c;
  }
  return safe + "'";
}

std::string fish(const std::vector<node>& nodes) {
  std::string steps;
  std::string arms;
  for (const auto& n : nodes) {
    if (!n.path.empty()) {
      steps += fmt::format("            case {}\n                set where {}\n", joined(n.names, " "), n.path);
    }
    arms += fmt::format("        case {}\n", fish_quoted(n.path));
    for (const auto& w : n.words) {
      arms += fmt::format("            printf '%s\\t%s\\n' {} {}\n", fish_quoted(w.text), fish_quoted(w.description));
    }
  }
  return "# fish completion of dohle: dohle completion fish | source\n"
         "function __dohle_offers\n"
         "    set -l where ''\n"
         "    for word in (commandline -opc)[2..-1]\n"
         "        switch \"$where/$word\"\n" +
         steps +
         "        end\n"
         "    end\n"
         "    switch \"$where\"\n" +
         arms +
         "    end\n"
         "end\n"
         "complete -c dohle -f\n"
         "complete -c dohle -n '__fish_prev_arg_in --file --config --data' -F\n"
         "complete -c dohle -n 'not __fish_prev_arg_in --file --config --data' -a '(__dohle_offers)'\n";
}

}  // namespace

void add_completion(program& p) {
  auto shell = std::make_shared<std::string>();
  auto* command = p.app.add_subcommand("completion", "Print a completion script: source <(dohle completion bash)");
  command->add_option("shell", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([&p, shell] {
    p.chosen = [&p, shell]() -> result<int> {
      auto nodes = tree(p.app);
      out().write(*shell == "bash" ? bash(nodes) : *shell == "zsh" ? zsh(nodes) : fish(nodes));
      return 0;
    };
  });
}

}  // namespace dohle::tools
