/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The commands; each is described and written in a file of its own name in commands/. */

#include "cli/command.h"

extern const cli_command container_attach_command, container_commit_command, container_cp_command,
        container_create_command, container_diff_command, container_exec_command, container_export_command,
        container_inspect_command, container_kill_command, container_logs_command, container_ls_command,
        container_pause_command, container_port_command, container_prune_command, container_rename_command,
        container_restart_command, container_rm_command, container_run_command, container_start_command,
        container_stats_command, container_stop_command, container_top_command, container_unpause_command,
        container_update_command, container_wait_command, context_create_command, context_export_command,
        context_import_command, context_inspect_command, context_ls_command, context_rm_command,
        context_show_command, context_update_command, context_use_command, image_history_command,
        image_import_command, image_inspect_command, image_load_command, image_ls_command,
        image_prune_command, image_pull_command, image_push_command, image_rm_command, image_save_command,
        image_squash_command, image_tag_command, inspect_command, login_command, logout_command,
        network_connect_command, network_create_command, network_disconnect_command, network_inspect_command,
        network_ls_command, network_prune_command, network_rm_command, search_command, system_check_command,
        system_df_command, system_dial_stdio_command, system_events_command, system_info_command,
        system_prune_command, system_version_command, volume_create_command, volume_inspect_command,
        volume_ls_command, volume_prune_command, volume_rm_command;
