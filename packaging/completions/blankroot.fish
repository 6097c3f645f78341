# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion in fish, for blankroot.

# Whether a word of this number is at the cursor; the command's name is 0.
function __blankroot_at # number
    test (count (commandline -opc)) -eq $argv[1]
end

# Whether it is one of these commands, whose options and arguments are to be completed.
function __blankroot_runs # command...
    set -l words (commandline -opc)
    set -q words[2]; and contains -- $words[2] $argv
end

# Whether none of these options is there, which exclude the one in question.
function __blankroot_without # option...
    not __fish_contains_opt $argv
end

# Whether snapshot is to do something with what is there already.
function __blankroot_by_name
    set -l words (commandline -opc)
    __blankroot_runs snapshot; and contains -- "$words[3]" delete pin unpin
end

# Names of archives and snapshots, as far as whoever asks may see them.
function __blankroot_names
    blankroot list --noheadings --output=NAME 2>/dev/null
end

# The word is a list with commas, of which the last item is completed; "+" before all of them adds to the usual columns.
function __blankroot_columns
    set -l columns NAME KIND SUBVOLUME TIME GOOD PINNED STAYS REASON COMMENT SIZE
    set -l before (commandline -ct | string replace -r '^--output=' '' | string match -r '^(?:.*,|\+)')

    printf '%s\n' "$before"$columns
end

complete -c blankroot -f

complete -c blankroot -n '__blankroot_at 1' -l help -d 'print a summary of the commands'
complete -c blankroot -n '__blankroot_at 1' -l version -d 'print the version'
complete -c blankroot -n '__blankroot_at 1' -a balance -d 'make unallocated what block groups hold and do not need'
complete -c blankroot -n '__blankroot_at 1' -a blank -d 'show, make or update what all boots start from, or go back'
complete -c blankroot -n '__blankroot_at 1' -a check -d 'tell whether the next boot will reset the root and work'
complete -c blankroot -n '__blankroot_at 1' -a convert -d 'turn a directory into a subvolume'
complete -c blankroot -n '__blankroot_at 1' -a defrag -d 'write files anew, in few pieces, and compressed if wanted'
complete -c blankroot -n '__blankroot_at 1' -a diff -d 'tell what the next reset will lose'
complete -c blankroot -n '__blankroot_at 1' -a init -d 'prepare a file system for starting blank'
complete -c blankroot -n '__blankroot_at 1' -a list -d 'list archives and snapshots, and why each stays or goes'
complete -c blankroot -n '__blankroot_at 1' -a metrics -d 'write metrics for Prometheus, tell of alerts'
complete -c blankroot -n '__blankroot_at 1' -a persist -d 'declare that a path survives, take that back, list them'
complete -c blankroot -n '__blankroot_at 1' -a prune -d 'delete the archives and snapshots that are not to be kept'
complete -c blankroot -n '__blankroot_at 1' -a report -d 'tell what the reset did at this boot'
complete -c blankroot -n '__blankroot_at 1' -a restore -d 'bring files back from an archive or a snapshot'
complete -c blankroot -n '__blankroot_at 1' -a rollback -d 'go back to an archive at the next boot, or to a snapshot'
complete -c blankroot -n '__blankroot_at 1' -a scrub -d 'find damaged data and repair it; go on where one was interrupted'
complete -c blankroot -n '__blankroot_at 1' -a skip -d 'let the next boot keep the root, once'
complete -c blankroot -n '__blankroot_at 1' -a snapshot -d 'take snapshots; delete, pin and unpin what is kept'
complete -c blankroot -n '__blankroot_at 1' -a status -d 'tell whether the root was reset, and whether anything is wrong'
complete -c blankroot -n '__blankroot_at 1' -a trim -d 'tell the devices which of their blocks are free'
complete -c blankroot -n '__blankroot_at 1' -a tune -d 'apply a performance mode, show it, take it back'

set -l all balance blank check convert defrag diff init list metrics persist prune report restore rollback scrub skip snapshot status trim tune
set -l on_device balance blank check defrag diff init list metrics prune restore rollback scrub skip snapshot status trim tune
complete -c blankroot -n "__blankroot_runs $all" -l help -d 'print a summary of the options'
complete -c blankroot -n "__blankroot_runs $on_device persist report" -l config -rF -d 'the configuration'
complete -c blankroot -n "__blankroot_runs $on_device" -l device -rF -a 'UUID= LABEL= PARTUUID= PARTLABEL= /dev/' \
    -d 'another file system'
complete -c blankroot -n '__blankroot_runs balance blank convert defrag init persist prune restore rollback scrub skip snapshot trim' -l wait -x \
    -d 'wait so long for another run'
complete -c blankroot -n '__blankroot_runs report status' -l report -rF -d 'another report'
complete -c blankroot -n '__blankroot_runs balance blank defrag init list restore scrub status trim tune' -l json -d 'for programs'
complete -c blankroot -n '__blankroot_runs blank convert defrag init persist rollback scrub snapshot trim' -l dry-run -d 'only say what would be done'
complete -c blankroot -n '__blankroot_runs skip' -l dry-run -d 'only say what would be asked for'

complete -c blankroot -n '__blankroot_runs balance trim' -l scheduled -d 'only if this is a good moment'

complete -c blankroot -n '__blankroot_runs balance; and __blankroot_at 2' -a 'start resume pause cancel status'
complete -c blankroot -n '__blankroot_runs balance' -l unallocated -x -d 'so much should be unallocated'
complete -c blankroot -n '__blankroot_runs balance' -l usage -x -d 'leave block groups alone that are used more'
complete -c blankroot -n '__blankroot_runs balance' -l metadata -d 'also block groups of metadata'
complete -c blankroot -n '__blankroot_runs balance' -l dry-run -d 'only say what would be moved, and why'
complete -c blankroot -n '__blankroot_runs metrics report status' -l report -rF -d 'another report'
complete -c blankroot -n '__blankroot_runs list restore scrub status' -l json -d 'for programs'
complete -c blankroot -n '__blankroot_runs convert persist rollback scrub snapshot' -l dry-run -d 'only say what would be done'
complete -c blankroot -n '__blankroot_runs skip' -l dry-run -d 'only say what would be asked for'

complete -c blankroot -n '__blankroot_runs metrics' -l output -rF -d 'write them to this file'
complete -c blankroot -n '__blankroot_runs metrics' -l alert -d 'tell of what went wrong or is well again'
complete -c blankroot -n '__blankroot_runs metrics' -l state -xa '(__fish_complete_directories)' -d 'where to remember what was told'
complete -c blankroot -n '__blankroot_runs blank; and __blankroot_at 2' -a 'show create verify update commit rollback'
complete -c blankroot -n '__blankroot_runs blank' -l subvolume -x -d 'the blank of this ephemeral subvolume'
complete -c blankroot -n '__blankroot_runs blank' -l from -xa '(__blankroot_names)' -d 'make the first blank from this'
complete -c blankroot -n '__blankroot_runs blank' -l keep -x -d 'keep so many former blanks'
complete -c blankroot -n '__blankroot_runs blank; and not __blankroot_at 2' -F

complete -c blankroot -n '__blankroot_runs check' -l rehearse -d 'do the next reset on copies, and compare'
complete -c blankroot -n '__blankroot_runs check' -l strict -d 'warnings make the exit code 1, too'
complete -c blankroot -n '__blankroot_runs check; and __blankroot_without json' -l quiet -d 'say nothing but errors'
complete -c blankroot -n '__blankroot_runs check; and __blankroot_without quiet' -l json -d 'for programs'
complete -c blankroot -n '__blankroot_runs check' -l record -d 'note the number of findings, for metrics and alerts'
complete -c blankroot -n '__blankroot_runs check' -l root -xa '(__fish_complete_directories)' \
    -d 'check the system that is mounted there'

complete -c blankroot -n '__blankroot_runs convert' -l force -d 'also while files in it are open for writing'
complete -c blankroot -n '__blankroot_runs convert' -a '(__fish_complete_directories)'

complete -c blankroot -n '__blankroot_runs defrag' -F
complete -c blankroot -n '__blankroot_runs defrag' -l compress -xa 'zstd lzo zlib none' -d 'compress it so'
complete -c blankroot -n '__blankroot_runs defrag' -l busy -d 'also files that somebody has open for writing'
complete -c blankroot -n '__blankroot_runs defrag' -l force -d 'also what snapshots and copies share'

complete -c blankroot -n '__blankroot_runs diff' -l of -xa '(__blankroot_names)' \
    -d 'an archive or another subvolume instead of the root'
complete -c blankroot -n '__blankroot_runs diff' -l from -xa '(__blankroot_names)' \
    -d 'an archive, a snapshot or another subvolume instead of the blank'
complete -c blankroot -n '__blankroot_runs diff' -l subvolume -x -d 'only this ephemeral subvolume'
complete -c blankroot -n '__blankroot_runs diff' -l only -rF -d 'only this path and what is in it'
complete -c blankroot -n '__blankroot_runs diff; and __blankroot_without json suggest' -l summary \
    -d 'directories as a tree, with totals'
complete -c blankroot -n '__blankroot_runs diff; and __blankroot_without summary suggest' -l json \
    -d 'everything, for programs'
complete -c blankroot -n '__blankroot_runs diff; and __blankroot_without summary json' -l suggest \
    -d 'the lines of a configuration that would keep it'
complete -c blankroot -n '__blankroot_runs diff' -l exit-code -d 'exit with 3 if anything is different'

complete -c blankroot -n '__blankroot_runs init' -l format -rF -d 'make a file system on this empty device'
complete -c blankroot -n '__blankroot_runs init' -l label -x -d 'of that file system'
complete -c blankroot -n '__blankroot_runs init' -l subvolume -x -d 'the subvolume of the root'
complete -c blankroot -n '__blankroot_runs init' -l preset -rF -a 'server container-host database web' \
    -d 'what the machine is for'
complete -c blankroot -n '__blankroot_runs init' -l write-fstab -d 'also change /etc/fstab'
complete -c blankroot -n '__blankroot_runs init' -l write-boot-loader \
    -d 'also change rootflags= in files of boot loaders'
complete -c blankroot -n '__blankroot_runs init' -l replace-config -d 'replace a configuration that is there'
complete -c blankroot -n '__blankroot_runs init' -l undo -d 'take back what was done'
complete -c blankroot -n '__blankroot_runs init' -l yes -d 'do it without asking'

complete -c blankroot -n '__blankroot_runs list' -l noheadings -d 'without the line of headings'
complete -c blankroot -n '__blankroot_runs list' -l output -xa '(__blankroot_columns)' -d 'these columns'
complete -c blankroot -n '__blankroot_runs list' -l bytes -d 'sizes in bytes'

complete -c blankroot -n '__blankroot_runs persist; and __blankroot_at 2' -a 'add remove list'
complete -c blankroot -n '__blankroot_runs persist; and not __blankroot_at 2' -F
complete -c blankroot -n '__blankroot_runs persist' -l subvolume -x -d 'paths are as seen from the root of this one'
complete -c blankroot -n '__blankroot_runs persist' -l method -xa 'copy subvolume' -d 'how it is carried'
complete -c blankroot -n '__blankroot_runs persist' -l json -d 'list for programs'
complete -c blankroot -n '__blankroot_runs persist' -l noheadings -d 'list without the line of headings'

complete -c blankroot -n '__blankroot_runs prune' -l dry-run -d 'only say what would be deleted, and why'

complete -c blankroot -n '__blankroot_runs report' -l verbose -d 'the steps too, and all else that the report knows'
complete -c blankroot -n '__blankroot_runs report; and __blankroot_without journal mark-good' -l json \
    -d 'the report itself, checked'
complete -c blankroot -n '__blankroot_runs report; and __blankroot_without json mark-good' -l journal \
    -d 'send it to the systemd journal'
complete -c blankroot -n '__blankroot_runs report; and __blankroot_without json journal' -l mark-good \
    -d 'mark the subvolumes in use as those of a good boot'
complete -c blankroot -n '__blankroot_runs report' -l dry-run -d 'only say what would be marked'

complete -c blankroot -n '__blankroot_runs restore' -F
complete -c blankroot -n '__blankroot_runs restore' -l from -xa '(__blankroot_names)' \
    -d 'an archive, a snapshot or a blank'
complete -c blankroot -n '__blankroot_runs restore' -l to -xa '(__fish_complete_directories)' -d 'into this directory'
complete -c blankroot -n '__blankroot_runs restore' -l keep-old -d 'what is there already gets another name'
complete -c blankroot -n '__blankroot_runs restore' -l dry-run -d 'only say what would be restored'

complete -c blankroot -n '__blankroot_runs rollback; and __blankroot_without undo' -a '(__blankroot_names)'
complete -c blankroot -n '__blankroot_runs rollback; and __blankroot_without now-blank' -l undo \
    -d 'take back what the next boot was asked for'
complete -c blankroot -n '__blankroot_runs rollback; and __blankroot_without undo' -l now-blank \
    -d 'make the archive the blank of all boots from now on'
complete -c blankroot -n '__blankroot_runs rollback; and __blankroot_without undo now-blank' -l force \
    -d 'roll a subvolume back although it is in use'

complete -c blankroot -n '__blankroot_runs scrub; and __blankroot_at 2' -a 'start status cancel resume'
complete -c blankroot -n '__blankroot_runs scrub' -l read-only -d 'find errors, repair nothing'
complete -c blankroot -n '__blankroot_runs scrub' -l limit -x -d 'at most so many bytes a second on each device'
complete -c blankroot -n '__blankroot_runs scrub' -l restart -d 'begin anew, also when one was interrupted'

complete -c blankroot -n '__blankroot_runs skip' -l cancel -d 'take back what the next boot was asked for'

complete -c blankroot -n '__blankroot_runs snapshot; and __blankroot_at 2' -a 'create delete pin unpin'
complete -c blankroot -n __blankroot_by_name -a '(__blankroot_names)'
complete -c blankroot -n '__blankroot_runs snapshot; and not __blankroot_by_name' -l comment -x -d 'note it on the snapshots'
complete -c blankroot -n '__blankroot_runs snapshot; and not __blankroot_by_name' -l only-if-changed \
    -d 'leave out what is as it was at its last snapshot'

complete -c blankroot -n '__blankroot_runs trim' -l force \
    -d 'also if the file system is mounted with discard=async'

complete -c blankroot -n '__blankroot_runs tune; and __blankroot_without reset' \
    -a 'balanced configured io-optimized space-optimized'
complete -c blankroot -n '__blankroot_runs tune; and __blankroot_without print' -l reset \
    -d 'take back all that was changed'
complete -c blankroot -n '__blankroot_runs tune; and __blankroot_without reset json' -l print -xa 'fstab nix sysctl udev' \
    -d 'only print the lines that make it permanent'
complete -c blankroot -n '__blankroot_runs tune' -l dry-run -d 'only say what would be changed'
