package io.walrelay.proxy.metrics;

import com.sun.management.UnixOperatingSystemMXBean;
import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import io.walrelay.proxy.state.ProcessFacts;
import java.io.IOException;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryUsage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The process and its JVM, by the names that lint accepts. Thread-safe. */
final class ProcessCollector implements MultiCollector {

    private static final Path STATUS = Path.of("/proc/self/status");

    private final ProcessFacts process;

    ProcessCollector(ProcessFacts process) {
        this.process = process;
    }

    @Override
    public MetricSnapshots collect() {
        Families families = new Families();
        families.gauge("process_start_time_seconds", "When the relay started (Unix time)", process.started().toEpochMilli() / 1e3);
        residentBytes().ifPresent(bytes -> families.gauge("process_resident_memory_bytes", "Resident memory of the process", bytes));
        if (ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean unix) {
            families.gauge("process_open_fds", "Open files and sockets of the process", unix.getOpenFileDescriptorCount());
            families.gauge("process_max_fds", "Files and sockets that the process may open", unix.getMaxFileDescriptorCount());
            families.counter("process_cpu_seconds", "Processor time of the process", unix.getProcessCpuTime() / 1e9);
        }
        MemoryUsage heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage();
        families.gauge("jvm_heap_used_bytes", "Heap in use", heap.getUsed());
        families.gauge("jvm_heap_max_bytes", "Heap that may be used", heap.getMax());
        families.gauge("jvm_threads", "Platform threads", ManagementFactory.getThreadMXBean().getThreadCount());
        Families.Counter pauses = families.counter("jvm_gc_seconds", "Time spent in garbage collection");
        for (GarbageCollectorMXBean collector : ManagementFactory.getGarbageCollectorMXBeans()) {
            pauses.at(Math.max(collector.getCollectionTime(), 0) / 1e3, "collector", collector.getName());
        }
        pauses.done();
        return families.build();
    }

    /** proc(5): {@code VmRSS:  123456 kB}. Empty where there is no such file. */
    private static Optional<Double> residentBytes() {
        try {
            List<String> lines = Files.readAllLines(STATUS);
            return lines.stream()
                    .filter(line -> line.startsWith("VmRSS:"))
                    .map(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024.0)
                    .findFirst();
        } catch (IOException e) {
            return Optional.empty(); // Not Linux: the series is left out.
        }
    }
}
