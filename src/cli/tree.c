/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of commands. */
#include "cli/cli.h"
#include "cli/commands.h"

static const cli_entry container_children[] = {
        { "attach", &container_attach_command, false },
        { "commit", &container_commit_command, false },
        { "cp", &container_cp_command, false },
        { "create", &container_create_command, false },
        { "diff", &container_diff_command, false },
        { "exec", &container_exec_command, false },
        { "export", &container_export_command, false },
        { "inspect", &container_inspect_command, false },
        { "kill", &container_kill_command, false },
        { "logs", &container_logs_command, false },
        { "ls", &container_ls_command, false },
        { "pause", &container_pause_command, false },
        { "port", &container_port_command, false },
        { "prune", &container_prune_command, false },
        { "rename", &container_rename_command, false },
        { "restart", &container_restart_command, false },
        { "rm", &container_rm_command, false },
        { "run", &container_run_command, false },
        { "start", &container_start_command, false },
        { "stats", &container_stats_command, false },
        { "stop", &container_stop_command, false },
        { "top", &container_top_command, false },
        { "unpause", &container_unpause_command, false },
        { "update", &container_update_command, false },
        { "wait", &container_wait_command, false },
        { "list", &container_ls_command, true },
        { "ps", &container_ls_command, true },
        { "remove", &container_rm_command, true },
        { 0 },
};
static const cli_command container_group = { .usage = "COMMAND",
                                             .summary = "Manage containers",
                                             .children = container_children };

static const cli_entry context_children[] = {
        { "create", &context_create_command, false }, { "export", &context_export_command, false },
        { "import", &context_import_command, false }, { "inspect", &context_inspect_command, false },
        { "ls", &context_ls_command, false },         { "rm", &context_rm_command, false },
        { "show", &context_show_command, false },     { "update", &context_update_command, false },
        { "use", &context_use_command, false },       { "list", &context_ls_command, true },
        { "remove", &context_rm_command, true },      { 0 },
};
static const cli_command context_group = { .usage = "COMMAND",
                                           .summary = "Manage contexts",
                                           .children = context_children };

static const cli_entry image_children[] = {
        { "history", &image_history_command, false },
        { "import", &image_import_command, false },
        { "inspect", &image_inspect_command, false },
        { "load", &image_load_command, false },
        { "ls", &image_ls_command, false },
        { "prune", &image_prune_command, false },
        { "pull", &image_pull_command, false },
        { "push", &image_push_command, false },
        { "rm", &image_rm_command, false },
        { "save", &image_save_command, false },
        { "squash", &image_squash_command, false },
        { "tag", &image_tag_command, false },
        { "list", &image_ls_command, true },
        { "remove", &image_rm_command, true },
        { 0 },
};
static const cli_command image_group = { .usage = "COMMAND",
                                         .summary = "Manage images",
                                         .children = image_children };

static const cli_entry volume_children[] = {
        { "create", &volume_create_command, false }, { "inspect", &volume_inspect_command, false },
        { "ls", &volume_ls_command, false },         { "prune", &volume_prune_command, false },
        { "rm", &volume_rm_command, false },         { "list", &volume_ls_command, true },
        { "remove", &volume_rm_command, true },      { 0 },
};
static const cli_command volume_group = { .usage = "COMMAND",
                                          .summary = "Manage volumes",
                                          .children = volume_children };

static const cli_entry network_children[] = {
        { "connect", &network_connect_command, false },
        { "create", &network_create_command, false },
        { "disconnect", &network_disconnect_command, false },
        { "inspect", &network_inspect_command, false },
        { "ls", &network_ls_command, false },
        { "prune", &network_prune_command, false },
        { "rm", &network_rm_command, false },
        { "list", &network_ls_command, true },
        { "remove", &network_rm_command, true },
        { 0 },
};
static const cli_command network_group = { .usage = "COMMAND",
                                           .summary = "Manage networks",
                                           .children = network_children };

static const cli_entry system_children[] = {
        { "check", &system_check_command, false },
        { "df", &system_df_command, false },
        { "events", &system_events_command, false },
        { "info", &system_info_command, false },
        { "prune", &system_prune_command, false },
        { "dial-stdio", &system_dial_stdio_command, true },
        { 0 },
};
static const cli_command system_group = { .usage = "COMMAND",
                                          .summary = "Manage Minato",
                                          .children = system_children };

static const cli_entry root_children[] = {
        { "attach", &container_attach_command, false },
        { "commit", &container_commit_command, false },
        { "cp", &container_cp_command, false },
        { "container", &container_group, false },
        { "context", &context_group, false },
        { "create", &container_create_command, false },
        { "diff", &container_diff_command, false },
        { "events", &system_events_command, false },
        { "exec", &container_exec_command, false },
        { "export", &container_export_command, false },
        { "history", &image_history_command, false },
        { "image", &image_group, false },
        { "images", &image_ls_command, false },
        { "import", &image_import_command, false },
        { "info", &system_info_command, false },
        { "inspect", &inspect_command, false },
        { "kill", &container_kill_command, false },
        { "load", &image_load_command, false },
        { "login", &login_command, false },
        { "logout", &logout_command, false },
        { "logs", &container_logs_command, false },
        { "network", &network_group, false },
        { "pause", &container_pause_command, false },
        { "port", &container_port_command, false },
        { "ps", &container_ls_command, false },
        { "pull", &image_pull_command, false },
        { "push", &image_push_command, false },
        { "rename", &container_rename_command, false },
        { "restart", &container_restart_command, false },
        { "rm", &container_rm_command, false },
        { "rmi", &image_rm_command, false },
        { "run", &container_run_command, false },
        { "save", &image_save_command, false },
        { "search", &search_command, false },
        { "start", &container_start_command, false },
        { "stats", &container_stats_command, false },
        { "stop", &container_stop_command, false },
        { "system", &system_group, false },
        { "tag", &image_tag_command, false },
        { "top", &container_top_command, false },
        { "unpause", &container_unpause_command, false },
        { "update", &container_update_command, false },
        { "version", &system_version_command, false },
        { "volume", &volume_group, false },
        { "wait", &container_wait_command, false },
        { 0 },
};

static const cli_option global_options[] = {
        { "config", 0, CLI_STR, offsetof(cli_globals, config_dir), "string",
          "Location of client config files" },
        { "context", 'c', CLI_STR, offsetof(cli_globals, context), "string",
          "Name of the context to use to connect to the daemon (overrides DOCKER_HOST env var and default "
          "context set with \"context use\")" },
        { "debug", 'D', CLI_BOOL, offsetof(cli_globals, is_debug), NULL, "Enable debug mode" },
        { "host", 'H', CLI_LIST, offsetof(cli_globals, hosts), "list", "Daemon socket to connect to" },
        { "log-level", 'l', CLI_STR, offsetof(cli_globals, log_level), "string",
          "Set the logging level (\"debug\", \"info\", \"warn\", \"error\", \"fatal\")", "\"info\"" },
        { "tls", 0, CLI_BOOL, offsetof(cli_globals, has_tls), NULL, "Use TLS; implied by --tlsverify" },
        { "tlscacert", 0, CLI_STR, offsetof(cli_globals, ca_file), "string",
          "Trust certs signed only by this CA" },
        { "tlscert", 0, CLI_STR, offsetof(cli_globals, cert_file), "string", "Path to TLS certificate file" },
        { "tlskey", 0, CLI_STR, offsetof(cli_globals, key_file), "string", "Path to TLS key file" },
        { "tlsverify", 0, CLI_BOOL, offsetof(cli_globals, verifies_tls), NULL,
          "Use TLS and verify the remote" },
        { "version", 'v', CLI_BOOL, offsetof(cli_globals, wants_version), NULL,
          "Print version information and quit" },
        { 0 },
};

const cli_command cli_root = {
        .usage = "[OPTIONS] COMMAND",
        .summary = "One machine, divided into many: containers, images, volumes and networks",
        .max_args = CLI_ANY_NUMBER,
        .stops_at_argument = true,
        .options = global_options,
        .options_size = sizeof(cli_globals),
        .children = root_children,
};
