import Testing

extension LabTests {
    @Suite("the image's process")
    struct ProcessTests {
        @Test("runs on the guest's kernel, not the host's")
        func kernel() throws {
            let guest = try Lab.docker("busybox:local uname -r")
            #expect(guest.status == 0)
            #expect(guest.text.contains("cloud"))
            #expect(try Lab.sh("uname -r") + "\n" != guest.text)
        }

        @Test("stdin, stdout and stderr are separate and 8-bit clean")
        func streams() throws {
            let bytes = (0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
            let outcome = try Lab.docker("-i busybox:local sh -c 'echo oops >&2; cat; echo done >&2'", input: bytes)
            #expect(outcome.status == 0)
            #expect(outcome.output == bytes)
            #expect(outcome.errors == "oops\ndone\n")
        }

        @Test(
            "docker run gives its exit status",
            arguments: [("kill -9 $$", 137), ("exit 300", 44)])
        func status(_ end: (command: String, status: Int32)) throws {
            // As a child of the shell: the first process of a pid namespace ignores its own signals.
            let outcome = try Lab.docker(
                "busybox:local sh -c 'sh -c \"\(end.command.replacing("$", with: "\\$"))\"; exit $?'")
            #expect(outcome.status == end.status, "\(outcome.errors)")
        }

        @Test("a program that is not there gives 127, one that is no program 126")
        func notThere() throws {
            let missing = try Lab.docker("busybox:local no-such-program")
            #expect(missing.status == 127)
            #expect(missing.errors.contains("no-such-program"))
            #expect(try Lab.docker("busybox:local /etc").status == 126)
        }

        @Test("args, env, working directory, user and groups are exact")
        func exact() throws {
            let outcome = try Lab.docker(
                """
                -e 'A=two words' -e 'B=line
                feed' -e E= -w /tmp/new -u 1234:99 --group-add 77 --hostname box busybox:local sh -c \
                'pwd; id -u; id -g; id -G; hostname; printf "[%s]" "$A" "$B" "$E" "$@"' sh "it's" '' 'é"x' '*'
                """)
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(outcome.text == "/tmp/new\n1234\n99\n99 77\nbox\n[two words][line\nfeed][][it's][][é\"x][*]")
        }

        @Test("docker kill, restart and stop send their signals first, and the process's status comes back")
        func stop() throws {
            try Lab.sh(
                """
                up() { until [ $(docker logs stopped 2>&1 | grep -cx $1) = $2 ]; do sleep 0.2; done; }
                docker run -d --name stopped --stop-signal WINCH --runtime=runcvm busybox:local sh -c \
                    'trap "echo hup" HUP; trap "echo pipe" PIPE; trap "echo bye; exit 7" WINCH; echo up; while :; do sleep 0.1; done' >/dev/null
                up up 1; docker kill -s HUP stopped >/dev/null; up hup 1
                docker kill -s PIPE stopped >/dev/null; up pipe 1
                docker restart -t 60 stopped >/dev/null; up up 2
                """)
            let seconds = try Lab.sh("s=$SECONDS; docker stop -t 60 stopped >/dev/null; echo $((SECONDS - s))")
            #expect(Int(seconds) ?? 99 < 30)
            #expect(try Lab.sh("docker wait stopped; docker logs stopped") == "7\nup\nhup\npipe\nbye\nup\nbye")
            try Lab.sh("docker rm stopped >/dev/null")
        }

        @Test("docker logs shows the process's output and nothing of the kernel's")
        func logs() throws {
            let outcome = try Lab.run(
                "docker run --name logged --runtime=runcvm busybox:local sh -c 'echo out; echo err >&2'; "
                    + "docker logs logged >/tmp/o 2>/tmp/e; docker rm logged >/dev/null; cat /tmp/o; echo --; cat /tmp/e"
            )
            #expect(outcome.text == "out\nout\n--\nerr\n")
            #expect(outcome.errors == "err\n")
        }

        @Test("docker kill and docker rm -f leave nothing behind")
        func kill() throws {
            let before = try Lab.traces()
            try Lab.sh(
                """
                for name in killed removed; do
                    docker run -d --name $name --runtime=runcvm busybox:local sh -c 'echo up; sleep 1000' >/dev/null
                    until docker logs $name 2>&1 | grep -q up; do sleep 0.2; done
                done
                docker kill killed >/dev/null
                """)
            #expect(try Lab.sh("docker wait killed") == "137")
            try Lab.sh("docker rm killed >/dev/null; docker rm -f removed >/dev/null")
            #expect(try Lab.traces() == before)
        }

        @Test("what was written is there after a restart, and gone with the container")
        func restart() throws {
            try Lab.sh(
                "docker create --name again --runtime=runcvm busybox:local sh -c 'cat /n; echo x >>/n' >/dev/null")
            try Lab.sh("echo given >/tmp/n; docker cp /tmp/n again:/n >/dev/null 2>&1")
            let disk = try Lab.sh("echo $(docker inspect -f '{{.GraphDriver.Data.UpperDir}}' again)/../runcvm.ext4")
            #expect(try Lab.sh("docker start -a again; docker start -a again") == "given\ngiven\nx")
            // Whoever reads the disk next finds no journal to replay.
            #expect(try Lab.sh("dumpe2fs -h \(disk) 2>&1 | grep -E 'state|needs_rec'").hasSuffix("clean"))
            try Lab.sh("test -e \(disk); docker rm again >/dev/null; ! test -e \(disk)")
        }

        @Test("what was synced is there after docker kill")
        func killed() throws {
            try Lab.sh(
                """
                up() { until [ $(docker logs hit 2>&1 | grep -cx up) = $1 ]; do sleep 0.2; done; }
                docker run -d --name hit --runtime=runcvm busybox:local \
                    sh -c 'cat /kept; for i in $(seq 200); do echo $i >/f$i; done; echo x >>/kept; sync; echo up; sleep 1000' \
                    >/dev/null
                up 1; docker kill hit >/dev/null; docker wait hit >/dev/null
                docker start hit >/dev/null; up 2
                """)
            #expect(try Lab.sh("docker logs hit 2>/dev/null; docker rm -f hit >/dev/null") == "up\nx\nup")
        }

        @Test("an image of another distribution runs as it is")
        func debian() throws {
            let outcome = try Lab.docker(
                "debian:local bash -c '. /etc/os-release; echo $ID; id -un; python3 -c \"print(6*7)\"; mount | grep \" / \"'"
            )
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(outcome.lines.prefix(3) == ["debian", "root", "42"])
            #expect(outcome.lines.last?.contains("overlay") == true)
        }

        @Test("the VM has the memory and CPUs that the container is limited to")
        func size() throws {
            let outcome = try Lab.docker("-m 256m --cpus 1 busybox:local sh -c 'nproc; grep MemTotal /proc/meminfo'")
            #expect(outcome.lines.first == "1")
            let kilobytes = Int(outcome.lines.last?.split(separator: " ").dropFirst().first ?? "") ?? 0
            #expect((128 << 10)...(256 << 10) ~= kilobytes)
        }

        @Test("at a terminal: line editing, full screen, resize, Ctrl-C, detach and attach")
        func terminal() throws {
            let outcome = try Lab.run(
                #"""
                cat >/tmp/tty.exp <<'E'
                set timeout 120
                proc see {what} { expect -ex $what {} timeout {puts "\nTIMEOUT $what"; exit 1} eof {puts "\nEOF $what"; exit 1} }
                spawn docker run -it --name tty --runtime=runcvm busybox:local
                see "# "
                send "echo abX\177c-\$((40+2))\r"; see "\nabc-42"
                exec stty rows 33 cols 111 <$spawn_out(slave,name)
                send "until \[ \"\$(stty size)\" = \"33 111\" ]; do :; done; echo re''sized\r"; see "resized"
                send "vi /f\r"; see "~"; send "iwritten by vi"; see "written by vi"; send "\033"; see "- /f"
                send ":wq\r"; see "# "
                send "less /f\r"; see "written by vi"; send "q"; see "# "
                send "top\r"; see "CPU:"; send "q"; see "# "
                send "sleep 1000\r"; see "sleep 1000"; sleep 1; send "\003"; see "# "
                send "echo status \$?\r"; see "status 130"
                send "\020\021"; expect eof; wait
                spawn docker attach tty
                send "\r"; see "# "; send "cat /f; exit 5\r"; see "written by vi"
                expect eof
                puts "exit [lindex [wait] 3]"
                E
                expect /tmp/tty.exp; docker rm -f tty >/dev/null
                """#)
            #expect(outcome.text.hasSuffix("exit 5\n"), "\(outcome.text)")
        }
    }
}
