// dohle config default|show|check
#include <fmt/core.h>
#include <unistd.h>

#include <memory>

#include "tools/config.hpp"
#include "tools/output.hpp"
#include "tools/program.hpp"

namespace dohle::tools {

namespace {

struct config_options {
  std::string file;
  bool origin = false;
};

/// Numbers and truth values as such, all else as it was written.
json typed(const config_key& key, const config_value& value) {
  if (key.kind == value_kind::boolean) return value.text == "true";
  if (key.kind == value_kind::count) return std::stoll(value.text);
  return value.text;
}

result<int> show_default(const common_options& common) {
  if (!common.json) {
    out().write(default_toml());
    return 0;
  }
  config c;
  json all = json::object();
  for (const auto& key : config_keys())
    all[std::string{key.section}][std::string{key.name}] = typed(key, c.at(key.full_name()));
  print(all);
  return 0;
}

result<int> show(const common_options& common, const config_options& o) {
  auto c = load_config(o.file, environ, {});
  if (!c) return c.error();
  json all = json::object();
  table rows{{"SETTING", "VALUE"}, {}};
  if (o.origin) rows.columns.push_back("FROM");
  for (const auto& key : config_keys()) {
    const auto& value = c->at(key.full_name());
    auto& entry = all[std::string{key.section}][std::string{key.name}];
    entry = o.origin ? json{{"value", typed(key, value)}, {"origin", value.origin}} : typed(key, value);
    rows.rows.push_back({key.full_name(), value.text});
    if (o.origin) rows.rows.back().push_back(value.origin);
  }
  if (common.json) {
    print(all);
  } else {
    print(rows);
  }
  return 0;
}

result<int> check(const common_options& common, const config_options& o) {
  auto c = load_config(o.file, environ, {});
  if (!c) return c.error();
  if (common.json) {
    print(json{{"valid", true}});
  } else {
    say("the configuration is valid");
  }
  return 0;
}

}  // namespace

void add_config(program& p) {
  auto o = std::make_shared<config_options>();
  auto* group = add_group_of_commands(p.app, "config", "The broker's configuration");

  add_command(*group, p, "default", "Print a configuration file with every setting, its default and its meaning")
      ->callback([&p] { p.chosen = [&p] { return show_default(p.common); }; });

  auto* command = add_command(*group, p, "show", "Print the settings as file and environment leave them");
  command->add_option("-c,--config", o->file, "Configuration file (DOHLE_CONFIG)")->type_name("FILE");
  command->add_flag("--origin", o->origin, "Where each value came from, too");
  command->callback([&p, o] { p.chosen = [&p, o] { return show(p.common, *o); }; });

  command = add_command(*group, p, "check", "Check file and environment without starting anything");
  command->add_option("config", o->file, "Configuration file (DOHLE_CONFIG)")->type_name("FILE");
  command->callback([&p, o] { p.chosen = [&p, o] { return check(p.common, *o); }; });
}

}  // namespace dohle::tools
