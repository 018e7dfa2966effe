import Testing

extension LabTests {
    @Suite("a guest whose root is the attacker")
    struct HostileTests {
        /// vsock(7) by perl(1), which Debian's smallest image has.
        private static let vsock = #"""
            sub vsock { my ($cid, $port) = @_; socket(my $s, 40, 1, 0) or die "socket: $!";
                connect($s, pack("SSLLx4", 40, 0, $port, $cid)) ? $s : undef }

            """#

        @Test("by vsock it reaches the relay of names, so many times, and nobody else; its own status stays true")
        func vsock() throws {
            let attack = #"""
                my @open = grep { vsock(2, $_) } 1 .. 64, 990 .. 1040, 10000, 4294967294;
                print "host: @open\n";
                # Itself, and whoever else there may be.
                print "others: ", scalar(grep { my $cid = $_; grep { vsock($cid, $_) } 22, 1000, 1004, 1005 } 1, 3 .. 6), "\n";
                my @kept = grep { $_ } map { vsock(2, 1004) } 1 .. 150;
                for my $s (@kept) { local $SIG{PIPE} = "IGNORE"; syswrite($s, "\xff" x 60000) }
                print "kept: ", (@kept > 0 ? "some" : "none"), "\n";
                for (1 .. 200) { vsock(2, 1004) }
                """#
            let text = try Lab.sh(
                """
                docker network create hostile >/dev/null
                docker run -d --name friend --network hostile busybox:local sleep 1000 >/dev/null
                docker run -di --privileged --name enemy --network hostile --runtime=runcvm debian:local \
                    sh -c 'read x; exit 7' >/dev/null
                docker exec -i enemy true
                boot=$(docker inspect -f '{{.State.Pid}}' enemy)
                files() { ls /proc/$boot/fd | wc -l; }
                before=$(files)
                docker exec -i enemy perl - <<'PERL'
                \(Self.vsock)\(attack)
                PERL
                for i in $(seq 100); do [ $(files) -le $before ] && break; sleep 0.2; done
                [ $(files) -le $before ] && echo "files as before"
                docker exec enemy getent hosts friend | grep -c friend
                echo | timeout 60 docker attach enemy >/dev/null || true
                docker wait enemy
                docker rm -f enemy friend >/dev/null; docker network rm hostile >/dev/null
                """)
            #expect(
                text == """
                    host: 1004
                    others: 0
                    kept: some
                    files as before
                    1
                    7
                    """)
        }
    }
}
