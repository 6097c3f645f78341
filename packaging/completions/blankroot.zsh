#compdef blankroot blankroot-initrd
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion in zsh, for blankroot and blankroot-initrd.

_blankroot_initrd() {
	_arguments \
		'--config=[the configuration]:file:_files' \
		'--device=[the file system]:specification or block device:_files' \
		'--cmdline=[a kernel command line to go by]:string:' \
		'--report=[where to write the report]:file:_files' \
		'--dry-run[print the steps that a run would take]' \
		'--check-config[only check the configuration]' \
		'--print=[print what the configuration says]:key:(on-failure device)' \
		'--help[print a summary of the options]' \
		'--version[print the version]'
}

_blankroot_diff() {
	_arguments \
		'--of=[an archive or another subvolume instead of the root]:archive:' \
		'--from=[an archive, a snapshot or another subvolume instead of the blank]:archive:' \
		'--subvolume=[only this ephemeral subvolume]:subvolume:' \
		'--only=[only this path and what is in it]:path:_files' \
		'(--json --suggest)--summary[directories as a tree, with totals]' \
		'(--summary --suggest)--json[everything, for programs]' \
		'(--summary --json)--suggest[the lines of a configuration that would keep it]' \
		'--exit-code[exit with 3 if anything is different]' \
		'--device=[another file system]:specification or block device:_files' \
		'--config=[the configuration]:file:_files' \
		'--help[print a summary of the options]'
}

_blankroot_list() {
	_arguments \
		'--json[for programs]' \
		'--noheadings[without the line of headings]' \
		'--device=[another file system]:specification or block device:_files' \
		'--config=[the configuration]:file:_files' \
		'--help[print a summary of the options]' \
		'1:subvolume:'
}

_blankroot_prune() {
	_arguments \
		'--dry-run[only say what would be deleted, and why]' \
		'--device=[another file system]:specification or block device:_files' \
		'--config=[the configuration]:file:_files' \
		'--help[print a summary of the options]' \
		'1:subvolume:'
}

_blankroot_report() {
	_arguments \
		'--verbose[the steps too, and all else that the report knows]' \
		'(--journal --mark-good)--json[the report itself, checked]' \
		'(--json --mark-good)--journal[send it to the systemd journal]' \
		'(--json --journal)--mark-good[mark the subvolumes in use as those of a good boot]' \
		'--dry-run[only say what would be marked]' \
		'--report=[another report]:file:_files' \
		'--config=[the configuration]:file:_files' \
		'--help[print a summary of the options]'
}

_blankroot_rollback() {
	_arguments \
		'(* --now-blank)--undo[take back what the next boot was asked for]' \
		'(--undo)--now-blank[make the archive the blank of all boots from now on]' \
		'--dry-run[only say what would be asked for]' \
		'--device=[another file system]:specification or block device:_files' \
		'--config=[the configuration]:file:_files' \
		'--help[print a summary of the options]' \
		'(--undo)1:archive:'
}

_blankroot_skip() {
	_arguments \
		'--cancel[take back what the next boot was asked for]' \
		'--dry-run[only say what would be asked for]' \
		'--device=[another file system]:specification or block device:_files' \
		'--config=[the configuration]:file:_files' \
		'--help[print a summary of the options]'
}

_blankroot_snapshot() {
	_arguments \
		'--comment=[note it on the snapshots]:text:' \
		'--only-if-changed[leave out what is as it was at its last snapshot]' \
		'--dry-run[only say what would be done]' \
		'--device=[another file system]:specification or block device:_files' \
		'--config=[the configuration]:file:_files' \
		'--help[print a summary of the options]' \
		'1:what to do, or a subvolume:(create delete pin unpin)' \
		'*:subvolume, or name of an archive or a snapshot:'
}

_blankroot_status() {
	_arguments \
		'--json[for programs]' \
		'--report=[another report]:file:_files' \
		'--device=[another file system]:specification or block device:_files' \
		'--config=[the configuration]:file:_files' \
		'--help[print a summary of the options]'
}

_blankroot() {
	local state
	local -a commands=(
		'diff:tell what the next reset will lose'
		'list:list archives and snapshots, and why each stays or goes'
		'prune:delete the archives and snapshots that are not to be kept'
		'report:tell what the reset did at this boot'
		'rollback:let the next boot start from an archive, once'
		'skip:let the next boot keep the root, once'
		'snapshot:take snapshots; delete, pin and unpin what is kept'
		'status:tell whether the root was reset, and whether anything is wrong'
	)

	_arguments -C \
		'(- *)--help[print a summary of the commands]' \
		'(- *)--version[print the version]' \
		'1: :->command' \
		'*:: :->arguments'
	case $state in
	command) _describe command commands ;;
	arguments) ((! $+functions[_blankroot_$words[1]])) || _blankroot_$words[1] ;;
	esac
}

case $service in
blankroot-initrd) _blankroot_initrd ;;
*) _blankroot ;;
esac
