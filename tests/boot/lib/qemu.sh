# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with those who source this
#
# A machine: QEMU with a serial console that is a file, and a keyboard that is a pipe.
#
#   $console   the file       $machine   the process       $keyboard   descriptor of the pipe
#
# A drive whose name begins with "late:" is there only after machine_plug.

machine=
machine_memory=512
# Without cmpxchg16b: QEMU 7.2 emulates it wrongly when its operand is not mapped yet, and Linux 6.12, whose allocator
# uses it, dies of a double fault.
machine_cpu=${BOOT_CPU:-max,-cx16}
boot_limit=${BOOT_LIMIT:-180}

# Without a check of the timer, which finds it broken where the host is too busy to emulate it in time.
# Dies with this script, however that ends. Without a kernel, its firmware boots it: UEFI, with variables in $dir/variables.
machine_start() { # name, kernel, initramfs, command line, drive...
	local drive drives=() form=format=raw,cache=unsafe,file
	local what=(-kernel "$2" -initrd "$3" -append "console=ttyS0 loglevel=4 no_timer_check $4")

	console=$dir/$1.console
	: >"$console"
	rm -f "$dir"/{keyboard,monitor.in,monitor.out}
	mkfifo "$dir"/{keyboard,monitor.in,monitor.out}
	exec {keyboard}<>"$dir/keyboard"
	for drive in "${@:5}"; do
		case $drive in
		late:*) drives+=(-drive "if=none,id=late,$form=${drive#late:}") ;;
		*) drives+=(-drive "if=virtio,$form=$drive") ;;
		esac
	done
	[ -n "$2" ] || what=(-drive "if=pflash,unit=0,readonly=on,format=raw,file=$uefi_firmware"
		-drive "if=pflash,unit=1,$form=$dir/variables")
	setpriv --pdeathsig KILL qemu-system-x86_64 -accel tcg -cpu "$machine_cpu" -m "$machine_memory" -nodefaults -no-user-config \
		-display none -serial stdio -monitor "pipe:$dir/monitor" -no-reboot "${what[@]}" "${drives[@]}" <"$dir/keyboard" >"$console" 2>&1 &
	machine=$!
	machine_started=$EPOCHREALTIME
	trap machine_kill EXIT
	trap 'exit 143' TERM HUP INT
}

machine_kill() {
	[ -n "$machine" ] || return 0
	kill -KILL "$machine" 2>/dev/null || true
	wait "$machine" 2>/dev/null || true
	machine=
	exec {keyboard}>&-
}

machine_type() { # line
	printf '%s\n' "$1" >&"$keyboard"
}

machine_plug() {
	echo 'device_add virtio-blk-pci,drive=late' >"$dir/monitor.in"
}

machine_age() {
	awk "BEGIN { print int($EPOCHREALTIME - $machine_started) }"
}

console_has() { # extended regular expression
	grep -aqE -e "$1" "$console"
}

# What a console says when nobody will come any further.
machine_stuck='Kernel panic|Dropping to debug shell|^\(initramfs\) |^\[rootfs\]# |Press Enter for maintenance'

# Wait until the console shows it. Fails when the machine ends, is stuck or takes too long.
machine_await() { # extended regular expression
	until console_has "$1"; do
		if ! kill -0 "$machine" 2>/dev/null; then
			console_has "$1" && return
			cell_fail "the machine ended without '$1' on its console"
		fi
		if console_has "$machine_stuck"; then
			console_has "$1" && return
			sleep 0.5
			console_has "$1" && return
			cell_fail "the boot is stuck, without '$1' on the console"
		fi
		# The script itself was killed.
		kill -0 $$ 2>/dev/null || exit
		[ "$(machine_age)" -lt "$boot_limit" ] || cell_fail "no '$1' on the console in $boot_limit s"
		sleep 0.05
	done
}

machine_await_off() { # seconds
	timeout "$1" tail --pid="$machine" -f /dev/null || cell_fail 'the machine does not switch off'
	wait "$machine"
	machine=
	exec {keyboard}>&-
}

# Wait for the end of a boot that is to end by itself.
machine_await_end() {
	machine_await '^@@ end'
	machine_await_off 20
	fact uptime >>"$dir/uptimes"
}
