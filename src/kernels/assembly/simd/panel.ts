/**
 * The layout that every kernel shares: matrices in panels of 32 columns.
 * @module
 */

/** Columns of a panel. */
export const PANEL: i32 = 32;
/** Bytes of a row of a panel of floats. */
export const ROW_BYTES: i32 = 4 * PANEL;
