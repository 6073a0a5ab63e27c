import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFile.DeadCodeOption;
import java.lang.classfile.ClassFile.StackMapsOption;
import java.lang.classfile.ClassFileVersion;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeTransform;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;

/**
 * Gives the old class files in jars the format of Java 8, in place; the build runs it as one source file. A library that is compiled for Java 5 is verified
 * anew by each JVM that starts, and by the slow verifier, since the JVM's caches of classes take no file without stack maps: of picocli that was a third of a
 * command's start. What the code does stays as it is.
 */
final class ModernClassFiles {

    private static final int JAVA_8 = ClassFile.JAVA_8_VERSION;

    private ModernClassFiles() {}

    public static void main(String... jars) throws IOException {
        for (String jar : jars) {
            modernise(Path.of(jar));
        }
    }

    private static void modernise(Path jar) throws IOException {
        Map<String, byte[]> entries = new TreeMap<>();
        boolean changed = false;
        try (URLClassLoader own = new URLClassLoader(new URL[] {jar.toUri().toURL()});
                JarFile in = new JarFile(jar.toFile())) {
            ClassFile format = ClassFile.of(
                    StackMapsOption.GENERATE_STACK_MAPS,
                    DeadCodeOption.PATCH_DEAD_CODE,
                    ClassFile.ClassHierarchyResolverOption.of(ClassHierarchyResolver.ofResourceParsing(own).orElse(ClassHierarchyResolver.defaultResolver())));
            for (JarEntry entry : List.copyOf(Collections.list(in.entries()))) {
                byte[] bytes = in.getInputStream(entry).readAllBytes();
                if (entry.getName().endsWith(".class")) {
                    ClassModel old = format.parse(bytes);
                    if (old.majorVersion() < JAVA_8) {
                        bytes = modern(format, old);
                        changed = true;
                    }
                }
                if (!entry.isDirectory()) {
                    entries.put(entry.getName(), bytes);
                }
            }
        }
        if (changed) {
            write(entries, jar);
        }
    }

    private static byte[] modern(ClassFile format, ClassModel old) {
        // To pass the code through an iterator of its parts has its stack maps made.
        return format.transformClass(old, ClassTransform.transformingMethodBodies(CodeTransform.ACCEPT_ALL).andThen((to, part) -> {
            if (part instanceof ClassFileVersion) {
                to.withVersion(JAVA_8, 0);
            } else {
                to.with(part);
            }
        }));
    }

    private static void write(Map<String, byte[]> entries, Path jar) throws IOException {
        Path unfinished = jar.resolveSibling(jar.getFileName() + ".tmp");
        try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(unfinished))) {
            for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
                JarEntry written = new JarEntry(entry.getKey());
                written.setTime(0);
                out.putNextEntry(written);
                out.write(entry.getValue());
                out.closeEntry();
            }
        }
        Files.move(unfinished, jar, StandardCopyOption.REPLACE_EXISTING);
    }
}
