// What a form says of a field that keeps it from being sent, which is added to the words of each language.

export const fieldWords = {
  en: {
    fieldMissing: 'Fill in this field.',
    fileMissing: 'Choose a file.',
    fieldNumber: 'Write a whole number.',
    fieldLow: '{0} or more.',
    fieldHigh: '{0} or less.',
    fieldShort: 'At least {0} characters.',
    fieldUrl: 'Write the whole address, with http:// or https://.',
    fieldPattern: 'Letters without accents, digits, _ and - only.',
    fieldWrong: 'This is not valid here.',
  },
  es: {
    fieldMissing: 'Completá este campo.',
    fileMissing: 'Elegí un archivo.',
    fieldNumber: 'Escribí un número entero.',
    fieldLow: '{0} o más.',
    fieldHigh: '{0} o menos.',
    fieldShort: 'Al menos {0} caracteres.',
    fieldUrl: 'Escribí la dirección completa, con http:// o https://.',
    fieldPattern: 'Solo letras sin acentos, números, _ y -.',
    fieldWrong: 'Esto no sirve acá.',
  },
};
