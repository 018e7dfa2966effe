import Testing

extension LabTests {
    @Suite("docker exec")
    struct ExecTests {
        /// What execs of many kinds give: status, stdout and stderr. $1 is the container. Numbers of processes are each runtime's own.
        private static let probe = #"""
            c=$1
            try() { docker exec "$@" >/tmp/out 2>/tmp/err; echo "[$?] $(cat /tmp/out) | $(cat /tmp/err)"; }
            try $c sh -c 'exit 300'; try $c sh -c 'kill -9 $$'
            try $c sh -c '
                echo out; echo err >&2; [ -c /dev/stdin ] && cat; pwd; tty; env | grep -v HOSTNAME; printf "[%s]" "$@"
                cat /proc/self/limits /proc/self/oom_score_adj /proc/self/cgroup; ls /proc/self/fd /proc/self/ns
                sleep 100 & echo left a child' sh 'two words' '' $'line\nfeed' "it's" 'é"x' '$HOME' '*' -- -x '\'
            state='grep -E "^(Uid|Gid|Groups|Cap...|NoNewPrivs|Umask|SigIgn|SigBlk)" /proc/self/status; id; tty; umask
                cut -d" " -f6,7,8 /proc/self/stat | tr -s 0-9 n; echo $HOME $TERM $A; pwd; exit 3'
            try -u 1234:99 -w /tmp -e 'A=a b' $c sh -c "$state"; try --privileged -t -u root -e A= $c sh -c "$state"
            try -e A=$(head -c 100000 /dev/zero | tr '\0' x) -e B=$(head -c 100000 /dev/zero | tr '\0' y) \
                $c sh -c 'echo $# ${3000} ${#A}${#B}' sh $(seq 3000)
            printf 'some\0bytes\377' | docker exec -i $c od -c
            docker exec -d $c sh -c 'echo detached >/tmp/d'; docker exec $c sh -c 'until cat /tmp/d 2>/dev/null; do :; done'
            tar -C /usr/lib/runcvm -c hooks | docker exec -i $c sh -c 'tar -C /tmp -x; cat /tmp/hooks/*' | md5sum
            # A signal to an exec's own process: engines know it by its pid only.
            docker exec $c sh -c 'trap "echo caught; exit 9" TERM; echo waiting; while :; do sleep 0.1; done' >/tmp/w &
            until grep -q waiting /tmp/w; do sleep 0.1; done
            for id in $(docker inspect -f '{{range .ExecIDs}}{{.}} {{end}}' $c); do
                pid=$(curl -s --unix-socket /run/docker.sock http://docker/exec/$id/json | jq 'select(.Running).Pid')
                [ -z "$pid" ] || kill -TERM $pid
            done
            wait %1; echo "[$?] $(cat /tmp/w)"
            """#

        @Test("status, streams, user, environment, arguments, terminal and signals are those of runc")
        func same() throws {
            try Lab.sh(
                """
                docker run -d --name theirs busybox:local sleep 10000 >/dev/null
                docker run -d --name ours --runtime=runcvm busybox:local sleep 10000 >/dev/null
                """)
            #expect(try Lab.sh("docker exec ours uname -r").contains("cloud"))
            let outputs = try ["theirs", "ours"].map { try Lab.run("set -- \($0); \(Self.probe)").lines }
            #expect(outputs[0].count > 60, "\(outputs[0])")
            let difference = outputs[1].difference(from: outputs[0])
            #expect(difference.isEmpty)
            let errors = try Lab.run(
                """
                docker exec ours no-such-program; echo $?; docker exec ours /etc; echo $?; docker exec -w /nowhere ours pwd; echo $?
                """)
            #expect(errors.lines == ["127", "126", "126"])
            for word in ["\"no-such-program\"", "\"/etc\"", "/nowhere"] {
                #expect(errors.errors.contains(word), "\(errors.errors)")
            }
            let beside = try Lab.run(
                "docker exec ours --- sh -c 'uname -r; ls /bin; exit 7'; echo $?; docker exec ours ---; echo $?"
            )
            #expect(beside.lines.first == (try Lab.sh("uname -r")), "\(beside.text)\(beside.errors)")
            #expect(["7", "firecracker"].allSatisfy(beside.lines.contains), "\(beside.text)\(beside.errors)")
            #expect(beside.text.hasSuffix("no command after it: unknown\r\n126\n"), "\(beside.text)\(beside.errors)")
            try sizes()
            try atOnce()
            try secrets()
            try Lab.sh("docker rm -f theirs ours >/dev/null")
        }

        /// Much data each way, whole; what goes in, and what comes out of a terminal.
        private func sizes() throws {
            let outcome = try Lab.run(
                """
                head -c 2000000 /dev/urandom >/tmp/data; md5sum </tmp/data
                docker exec -i ours md5sum </tmp/data
                docker exec -i ours sh -c 'cat >/tmp/data' </tmp/data; docker exec ours cat /tmp/data | md5sum
                docker exec -t ours seq 50000 | tail -n 1
                """)
            #expect(Set(outcome.lines.prefix(3)).count == 1, "\(outcome.text)\(outcome.errors)")
            #expect(outcome.text.hasSuffix("\n50000\r\n"), "\(outcome.text)\(outcome.errors)")
        }

        /// Many at once, after which nothing is left: no process in the guest or the jail, no file.
        private func atOnce() throws {
            let left = "docker top ours -o args | sort; docker exec ours ps | wc -l; ls /run/runcvm/*/ /run/runcvm/*/vm"
            let before = try Lab.sh(left)
            let outcome = try Lab.run(
                """
                for i in $(seq 30); do
                    (docker exec ours sh -c "echo $i; exit $i" >/tmp/at.$i 2>&1; echo "$i $? $(cat /tmp/at.$i)") &
                done; wait
                """)
            #expect(Set(outcome.lines) == Set((1...30).map { "\($0) \($0) \($0)" }), "\(outcome.errors)")
            #expect(try Lab.sh(left) == before)
        }

        /// Keys are the VMM's own; nothing of ours listens where a neighbour could reach it.
        private func secrets() throws {
            let files = try Lab.sh("stat -c '%a %U %n' /run/runcvm/*/vm/ssh_* | sed 's/ .*vm.ssh/ ssh/'")
            #expect(files == "600 ssh_key\n600 ssh_known_hosts")
            // A neighbour on the VM's network finds every port of it closed, up to 8192, and the VM itself knows of no other socket.
            let scan = try Lab.sh(
                """
                ip=$(docker inspect -f '{{.NetworkSettings.IPAddress}}' ours)
                nsenter -t $(docker inspect -f '{{.State.Pid}}' theirs) -n python3 - $ip <<'E'
                import collections, select, socket, sys
                ports, waiting, found = iter(range(1, 8193)), {}, collections.Counter()
                poll = select.epoll()
                def more():
                    port = next(ports, None)
                    if port is None: return
                    s = socket.socket(); s.setblocking(False); s.connect_ex((sys.argv[1], port))
                    waiting[s.fileno()] = s; poll.register(s, select.EPOLLOUT)
                for _ in range(200): more()
                while waiting:
                    for fd, _ in poll.poll(60) or sys.exit('no answer'):
                        s = waiting.pop(fd); found[s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)] += 1; s.close(); more()
                print(dict(found))
                E
                """)
            #expect(scan == "{111: 8192}")  // ECONNREFUSED
            #expect(try Lab.sh("docker exec ours netstat -lntu | tail -n +3") == "")
            // Another's key opens nothing: the guest believes one key only, and the client one guest.
            let outcome = try Lab.run(
                """
                vm=$(echo /run/runcvm/*/vm); cp $vm/ssh_key /tmp/kept
                ssh-keygen -q -t ed25519 -N '' -f /tmp/other; cat /tmp/other >$vm/ssh_key; docker exec ours true; echo $?
                cat /tmp/kept >$vm/ssh_key; docker exec ours true; echo $?; rm /tmp/kept /tmp/other*
                """)
            #expect(outcome.lines.first != "0" && outcome.lines.last == "0", "\(outcome.text)\(outcome.errors)")
            #expect((outcome.text + outcome.errors).contains("Permission denied"), "\(outcome.errors)")
        }

        @Test("at a terminal: line editing, full screen, resize, Ctrl-C")
        func terminal() throws {
            let outcome = try Lab.run(
                #"""
                docker run -d --name tty --runtime=runcvm -e RUNCVM_DISK_SIZE=16M busybox:local sleep 1000 >/dev/null
                cat >/tmp/exec.exp <<'E'
                set timeout 120
                proc see {what} { expect -ex $what {} timeout {puts "\nTIMEOUT $what"; exit 1} eof {puts "\nEOF $what"; exit 1} }
                spawn docker exec -it tty sh
                see "# "
                send "echo abX\177c-\$((40+2))\r"; see "\nabc-42"
                exec stty rows 33 cols 111 <$spawn_out(slave,name)
                send "until \[ \"\$(stty size)\" = \"33 111\" ]; do :; done; echo re''sized\r"; see "resized"
                send "vi /tmp/f\r"; see "~"; send "iwritten by vi"; see "written by vi"; send "\033"; see "- /tmp/f"
                send ":wq\r"; see "# "
                send "top\r"; see "CPU:"; send "q"; see "# "
                send "sleep 1000\r"; see "sleep 1000"; sleep 1; send "\003"; see "# "
                send "echo status \$?\r"; see "status 130"
                send "exit 5\r"; expect eof
                puts "exit [lindex [wait] 3]"
                E
                expect /tmp/exec.exp
                # With a full disk too.
                docker exec tty sh -c 'dd if=/dev/zero of=/fill bs=64k 2>&1' | grep -o 'No space left.*'
                echo in | docker exec -i tty cat; docker exec -t tty tty; docker rm -f tty >/dev/null
                """#)
            let full = "No space left on device\nin\n/dev/pts/"
            #expect(outcome.text.contains("exit 5\n\(full)"), "\(outcome.text)\(outcome.errors)")
        }

        @Test("in an image of one program, without users or shell, without network, read-only: a health check too")
        func bare() throws {
            let outcome = try Lab.run(
                """
                mkdir -p /tmp/bare; cp /bin/busybox /tmp/bare/busybox; tar -C /tmp/bare -c busybox | docker import - bare:local >/dev/null
                docker run -d --name bare --net=none --read-only --health-cmd x --health-interval 1s --runtime=runcvm \
                    bare:local /busybox sleep 1000 >/dev/null
                docker exec bare /busybox id -u; docker exec bare sh; echo $?
                docker exec -t bare /busybox sh -c '/busybox tty; echo "[$HOME]"; /busybox ls -d /*; /busybox ip -o link'
                until docker inspect -f '{{range .State.Health.Log}}{{.Output}}{{end}}' bare | grep .; do sleep 0.5; done
                docker rm -f bare >/dev/null; docker rmi bare:local >/dev/null
                """)
            #expect(outcome.text.hasPrefix("0\n127\n/dev/pts/0\r\n[/]\r\n"), "\(outcome.text)\(outcome.errors)")
            #expect(outcome.text.contains("/bin/sh"), "\(outcome.text)\(outcome.errors)")
        }
    }
}
