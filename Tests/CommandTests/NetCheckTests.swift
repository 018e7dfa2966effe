import Foundation
import Testing

@Suite("net-check on the command line", .enabled(if: geteuid() == 0, "needs root"))
struct NetCheckTests {
    @Test(
        "silence and 0 where all is as planned, a line for each difference and 1 where not, 66 where the namespace has gone"
    )
    func exits() throws {
        let text = try World.run(
            """
            $runcvm net-plan --netns /run/netns/web | $runcvm tap-create | $runcvm bridge-alias >/run/state
            $runcvm net-check </run/state; echo $?
            ip -n web link set eth0 down; ip -n web link delete tap-eth0
            $runcvm net-check </run/state || echo $?
            ip netns delete web
            $runcvm net-check </run/state 2>&1 || echo $?
            ip netns add web
            $runcvm net-check </run/state 2>&1 || echo $?
            """)
        #expect(
            text == """
                0
                eth0: down; ip link set eth0 up
                tap-eth0: missing; runcvm tap-create makes it, and a VM that had it must be started again
                1
                runcvm net-check: network namespace /run/netns/web: gone, and the VM with it
                66
                runcvm net-check: network namespace /run/netns/web: gone, and the VM with it
                66

                """)
    }
}
