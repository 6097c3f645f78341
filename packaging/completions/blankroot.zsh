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

_blankroot_balance() {
	_arguments \
		'--unallocated=[so much should be unallocated]:size or share:' \
		'--usage=[leave block groups alone that are used more]:percent:' \
		'--metadata[also block groups of metadata]' \
		'--scheduled[only if this is a good moment]' \
		'--dry-run[only say what would be moved, and why]' \
		'--json[for programs]' \
		'--wait=[wait so long for another run]:seconds:' \
		'--device=[another file system]:specification or block device:_files' \
		'--config=[the configuration]:file:_files' \
		'--help[print a summary of the options]' \
		'1:what to do:(start resume pause cancel status)'
}

_blankroot_blank() {
	_arguments \
		'--subvolume=[the blank of this ephemeral subvolume]:subvolume:' \
		'--from=[make the first blank from this]:archive, subvolume or "empty":_blankroot_names' \
		'--keep=[keep so many former blanks]:number:' \
		'(--dry-run)--json[for programs]' \
		'(--json)--dry-run[only say what would be done]' \
		'--wait=[wait so long for another run]:seconds:' \
		'--device=[another file system]:specification or block device:_files' \
		'--config=[the configuration]:file:_files' \
		'--help[print a summary of the options]' \
		'1:what to do:(show create verify update commit rollback)' \
		'*:path:_files'
}

_blankroot_check() {
	_arguments \
		'--rehearse[do the next reset on copies, and compare]' \
		'--strict[warnings make the exit code 1, too]' \
		'(--json)--quiet[say nothing but errors]' \
		'(--quiet)--json[for programs]' \
		'--record[note the number of findings, for metrics and alerts]' \
		'--root=[check the system that is mounted there]:directory:_files -/' \
		'--device=[another file system]:specification or block device:_files' \
		'--config=[the configuration]:file:_files' \
		'--help[print a summary of the options]'
}

_blankroot_convert() {
	_arguments \
		'--force[also while files in it are open for writing]' \
		'--dry-run[only say what would be done]' \
		'--wait=[wait so long for another run]:seconds:' \
		'--help[print a summary of the options]' \
		'1:directory:_files -/'
}

# Names of archives and snapshots, as far as whoever asks may see them.
_blankroot_names() {
	local -a names=(${(f)"$(_call_program names blankroot list --noheadings --output=NAME 2>/dev/null)"})

	compadd -a names
}

_blankroot_defrag() {
	_arguments \
		'--compress=[compress it so]:how:(zstd lzo zlib none)' \
		'--busy[also files that somebody has open for writing]' \
		'--force[also what snapshots and copies share]' \
		'--dry-run[only say what would be done]' \
		'--json[for programs]' \
		'--wait=[wait so long for another run]:seconds:' \
		'--device=[another file system]:specification or block device:_files' \
		'--config=[the configuration]:file:_files' \
		'--help[print a summary of the options]' \
		'*:path:_files'
}

_blankroot_diff() {
	_arguments \
		'--of=[an archive or another subvolume instead of the root]:archive:_blankroot_names' \
		'--from=[an archive, a snapshot or another subvolume instead of the blank]:archive:_blankroot_names' \
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

_blankroot_init() {
	_arguments \
		'--format=[make a file system on this empty device]:block device:_files' \
		'--label=[of that file system]:label:' \
		'--subvolume=[the subvolume of the root]:subvolume:' \
		'--preset=[what the machine is for]:preset, or a file:(server container-host database web)' \
		'--write-fstab[also change /etc/fstab]' \
		'--write-boot-loader[also change rootflags= in files of boot loaders]' \
		'--replace-config[replace a configuration that is there]' \
		'--undo[take back what was done]' \
		'--yes[do it without asking]' \
		'--json[for programs]' \
		'--dry-run[only say what would be done]' \
		'--wait=[wait so long for another run]:seconds:' \
		'--device=[another file system]:specification or block device:_files' \
		'--config=[the configuration]:file:_files' \
		'--help[print a summary of the options]' \
		'1:snapshot:'
}

_blankroot_list() {
	_arguments \
		'--json[for programs]' \
		'--noheadings[without the line of headings]' \
		'--output=[these columns]:columns:_sequence compadd - NAME KIND SUBVOLUME TIME GOOD PINNED STAYS REASON COMMENT SIZE' \
		'--bytes[sizes in bytes]' \
		'--device=[another file system]:specification or block device:_files' \
		'--config=[the configuration]:file:_files' \
		'--help[print a summary of the options]' \
		'1:subvolume:'
}

_blankroot_metrics() {
	_arguments \
		'--output=[write them to this file]:file, or - for standard output:_files' \
		'--alert[tell of what went wrong or is well again]' \
		'--report=[another report]:file:_files' \
		'--state=[where to remember what was told]:directory:_files -/' \
		'--device=[another file system]:specification or block device:_files' \
		'--config=[the configuration]:file:_files' \
		'--help[print a summary of the options]'
}

_blankroot_persist() {
	_arguments \
		'--subvolume=[paths are as seen from the root of this one]:subvolume:' \
		'--method=[how it is carried]:method:(copy subvolume)' \
		'--dry-run[only say what would be done]' \
		'--json[list for programs]' \
		'--noheadings[list without the line of headings]' \
		'--wait=[wait so long for another run]:seconds:' \
		'--config=[the configuration]:file:_files' \
		'--help[print a summary of the options]' \
		'1:what to do:(add remove list)' \
		'*:path:_files'
}

_blankroot_prune() {
	_arguments \
		'--dry-run[only say what would be deleted, and why]' \
		'--wait=[wait so long for another run]:seconds:' \
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

_blankroot_restore() {
	_arguments \
		'--from=[an archive, a snapshot or a blank]:name:_blankroot_names' \
		'--to=[into this directory]:directory:_files -/' \
		'--keep-old[what is there already gets another name]' \
		'--dry-run[only say what would be restored]' \
		'--json[for programs]' \
		'--wait=[wait so long for another run]:seconds:' \
		'--device=[another file system]:specification or block device:_files' \
		'--config=[the configuration]:file:_files' \
		'--help[print a summary of the options]' \
		'*:path:_files'
}

_blankroot_rollback() {
	_arguments \
		'(* --now-blank)--undo[take back what the next boot was asked for]' \
		'(--undo)--now-blank[make the archive the blank of all boots from now on]' \
		'--force[roll a subvolume back although it is in use]' \
		'--dry-run[only say what would be done]' \
		'--wait=[wait so long for another run]:seconds:' \
		'--device=[another file system]:specification or block device:_files' \
		'--config=[the configuration]:file:_files' \
		'--help[print a summary of the options]' \
		'(--undo)1:archive or snapshot:_blankroot_names'
}

_blankroot_scrub() {
	_arguments \
		'--read-only[find errors, repair nothing]' \
		'--limit=[at most so many bytes a second on each device]:rate:' \
		'--restart[begin anew, also when one was interrupted]' \
		'--json[for programs]' \
		'--dry-run[only say what would be done]' \
		'--wait=[wait so long for another run]:seconds:' \
		'--device=[another file system]:specification or block device:_files' \
		'--config=[the configuration]:file:_files' \
		'--help[print a summary of the options]' \
		'1:what to do:(start status cancel resume)'
}

_blankroot_skip() {
	_arguments \
		'--cancel[take back what the next boot was asked for]' \
		'--dry-run[only say what would be asked for]' \
		'--wait=[wait so long for another run]:seconds:' \
		'--device=[another file system]:specification or block device:_files' \
		'--config=[the configuration]:file:_files' \
		'--help[print a summary of the options]'
}

_blankroot_snapshot() {
	_arguments \
		'--comment=[note it on the snapshots]:text:' \
		'--only-if-changed[leave out what is as it was at its last snapshot]' \
		'--dry-run[only say what would be done]' \
		'--wait=[wait so long for another run]:seconds:' \
		'--device=[another file system]:specification or block device:_files' \
		'--config=[the configuration]:file:_files' \
		'--help[print a summary of the options]' \
		'1:what to do, or a subvolume:(create delete pin unpin)' \
		'*:subvolume, or name of an archive or a snapshot:_blankroot_names'
}

_blankroot_status() {
	_arguments \
		'--json[for programs]' \
		'--report=[another report]:file:_files' \
		'--device=[another file system]:specification or block device:_files' \
		'--config=[the configuration]:file:_files' \
		'--help[print a summary of the options]'
}

_blankroot_trim() {
	_arguments \
		'--force[also if the file system is mounted with discard=async]' \
		'--scheduled[only if this is a good moment]' \
		'--dry-run[only say what would be done]' \
		'--json[for programs]' \
		'--wait=[wait so long for another run]:seconds:' \
		'--device=[another file system]:specification or block device:_files' \
		'--config=[the configuration]:file:_files' \
		'--help[print a summary of the options]'
}

_blankroot_tune() {
	_arguments \
		'(1 --print)--reset[take back all that was changed]' \
		'(--reset --json)--print=[only print the lines that make it permanent]:what:(fstab nix sysctl udev)' \
		'--json[for programs]' \
		'--dry-run[only say what would be changed]' \
		'--device=[another file system]:specification or block device:_files' \
		'--config=[the configuration]:file:_files' \
		'--help[print a summary of the options]' \
		'(--reset)1:mode:(balanced configured io-optimized space-optimized)'
}

_blankroot() {
	local state
	local -a commands=(
		'balance:make unallocated what block groups hold and do not need'
		'blank:show, make or update what all boots start from, or go back'
		'check:tell whether the next boot will reset the root and work'
		'convert:turn a directory into a subvolume'
		'defrag:write files anew, in few pieces, and compressed if wanted'
		'diff:tell what the next reset will lose'
		'init:prepare a file system for starting blank'
		'list:list archives and snapshots, and why each stays or goes'
		'metrics:write metrics for Prometheus, tell of alerts'
		'persist:declare that a path survives, take that back, list them'
		'prune:delete the archives and snapshots that are not to be kept'
		'report:tell what the reset did at this boot'
		'restore:bring files back from an archive or a snapshot'
		'rollback:go back to an archive at the next boot, or to a snapshot'
		'scrub:find damaged data and repair it; go on where one was interrupted'
		'skip:let the next boot keep the root, once'
		'snapshot:take snapshots; delete, pin and unpin what is kept'
		'status:tell whether the root was reset, and whether anything is wrong'
		'trim:tell the devices which of their blocks are free'
		'tune:apply a performance mode, show it, take it back'
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
