import Testing

extension LabTests {
    /// What a program sees of its surroundings is what it sees with runc, but for README's "known differences".
    @Suite("the process's surroundings")
    struct SameAsRuncTests {
        /// Numbers of processes, pipes and times, and the names of layers, are of each run's own.
        private static let probe = """
            grep -E '^(Uid|Gid|Groups|Cap...|NoNewPrivs|Umask|SigIgn|SigBlk|Seccomp)' /proc/self/status
            cat /proc/self/limits; id; pwd; hostname; cat /proc/sys/kernel/domainname /proc/self/oom_score_adj
            env | grep -v ^HOSTNAME= | sort
            cat /proc/1/comm; tr '\\0' '\\n' </proc/1/cmdline; cut -d' ' -f6,7,8 /proc/1/stat
            # The mount point, its options but those on access times, and the type of what the guest has by itself.
            sed -E 's/^([^ ]* ){4}([^ ]*) ([^ ]*) .*- ([^ ]*) .*/mount \\2 \\3 \\4/; s/,(relatime|noatime)//
                s/(.etc.[a-z.]*|.sbin.docker-init) (r[ow]).*/\\1 \\2/' /proc/self/mountinfo | sort
            undated() { sed -E 's/ [A-Z][a-z]{2} +[0-9]+ +[0-9:]{4,5} / /; /^total/d'; }
            ls -lR /dev | undated | sed 's/^/dev /'
            ls -al / | awk '$NF != "." && $NF != ".." && NF > 8 { print $1, $3, $4, $9 }'
            ls -l /etc | awk 'NF > 8 { print $1, $3, $4, $9, $10, $11 }'
            ls -l /proc/self/fd | awk 'NF > 8 { print $9, $11 }' | sed 's/pipe:.*/pipe/; s/.proc.*//'
            cat /proc/self/cgroup; ls /sys/fs/cgroup | grep -vE 'hugetlb|zswap'
            for f in pids.max memory.max cpu.max cgroup.type; do echo "$f $(cat /sys/fs/cgroup/$f)"; done
            cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/msgmax; ls /proc/self/ns
            touch /x 2>&1; ls -ld /scratch 2>&1 | undated; df -k /dev/shm | tail -n 1
            sh -c 'sleep 0.1 & exit'; sleep 0.3; cat /proc/[0-9]*/status 2>&1 | grep -c '^State:.Z'
            """

        /// README: no seccomp in the guest, and limits that the machine's size keeps.
        private static let known = ["Seccomp", "memory.max", "cpu.max"]

        @Test(
            "are those of runc",
            arguments: [
                "--init -e A=b --hostname box",
                """
                -u 1234:99 --group-add 77 --cap-add NET_ADMIN --cap-drop CHOWN --security-opt no-new-privileges \
                --ulimit nofile=2000:3000 --ulimit core=0 --oom-score-adj 300 --read-only --tmpfs /scratch:size=1m,mode=1770 \
                --shm-size 32m --sysctl net.ipv4.ip_unprivileged_port_start=99 --sysctl kernel.msgmax=9000 \
                --hostname box --domainname dom -w /tmp/x/y -e HOME=/h
                """,
                "-t --hostname box -u root:7 --cap-add ALL --security-opt systempaths=unconfined -m 512m --cpus 0.9 --pids-limit 50",
            ])
        func same(_ options: String) throws {
            let outcomes = try ["runc", "runcvm"].map { runtime in
                try Lab.run(
                    "docker run --rm --runtime=\(runtime) \(options) busybox:local sh -c \"$(cat)\" | tr -d '\\r'",
                    input: Array(Self.probe.utf8))
            }
            let lines = outcomes.map { outcome in
                outcome.lines.filter { line in !Self.known.contains { line.hasPrefix($0) } }
            }
            #expect(lines[0].count > 100, "\(outcomes[0].errors)")
            let difference = lines[1].difference(from: lines[0])
            #expect(difference.isEmpty)
        }
    }
}
