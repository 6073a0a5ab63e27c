/** Tests of the archive, and fixtures for others': a store in memory that can be slow or faulty, and a server that speaks S3. */
@NullMarked
package io.walrelay.cache.archive;

import org.jspecify.annotations.NullMarked;
